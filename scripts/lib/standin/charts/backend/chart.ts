import { backendParts, backendServices, image } from '../../catalog/backend.js';
import type { Service } from '../../catalog/service.js';
import type { Era, Version } from '../../eras.js';
import type { Fault } from '../../faults.js';
import type { ChartParts } from '../chart.js';
import { helpers } from '../helpers.js';
import { extraTemplates } from './extras.js';
import { ingressTemplates } from './ingress.js';
import { keycloakTemplates } from './keycloak.js';
import type { BackendContext } from './names.js';
import { nginxTemplates } from './nginx.js';
import { postgresqlHelper, postgresqlTemplates } from './postgresql.js';
import { redisTemplates } from './redis.js';
import { serviceTemplates } from './services.js';
import { thanosTemplates } from './thanos.js';
import { backendValues, type ValueOptions } from './values.js';
import { claimTemplates } from './volumes.js';

/** Gathers what a version's control plane consists of. */
export function backendContext(version: Version, era: Era, fault?: Fault): BackendContext {
  const parts = backendParts(version, era);
  const services = backendServices(version, era, parts).map((row) => withFault(row, fault));
  return { version, era, parts, services, ...(fault === undefined ? {} : { fault }) };
}

/** For a collision the frontend's image is called like the backend's, from another home. */
function withFault(row: Service, fault?: Fault): Service {
  if (fault !== 'collision' || row.name !== 'frontend') return row;
  const twin = image('quay.io/someone', 'backend', row.use.image.tag);
  return { ...row, use: { ...row.use, style: 'in-repository', image: twin } };
}

/** The control plane's chart. */
export function backendChart(context: BackendContext, options: ValueOptions): ChartParts {
  const pull = context.era.keys === 'global' ? 'values' : 'gcr-secret';
  return {
    name: context.era.chart,
    version: context.version.text,
    description: 'Stand-in for the control plane, for tests',
    values: backendValues(context, options),
    templates: {
      '_helpers.tpl': `${helpers(pull)}\n${postgresqlHelper(context.era)}`,
      ...claimTemplates(context),
      ...postgresqlTemplates(context),
      ...keycloakTemplates(context),
      ...thanosTemplates(context),
      ...redisTemplates(context),
      ...serviceTemplates(context),
      ...nginxTemplates(context),
      ...ingressTemplates(context),
      ...extraTemplates(context),
    },
  };
}
