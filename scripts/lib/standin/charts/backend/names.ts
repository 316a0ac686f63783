import type { BackendParts } from '../../catalog/backend.js';
import type { Service } from '../../catalog/service.js';
import type { Era, Version } from '../../eras.js';
import type { Fault } from '../../faults.js';
import { chartValue } from '../text.js';

/** All that the control plane's templates are made from. */
export interface BackendContext {
  readonly version: Version;
  readonly era: Era;
  readonly parts: BackendParts;
  readonly services: readonly Service[];
  readonly fault?: Fault;
}

/** Where an era keeps the values that templates of several eras read; expressions for templates. */
export interface BackendKeys {
  readonly domain: string;
  readonly openshift: string;
  readonly databaseUser: string;
  readonly databaseName: string;
  readonly grafanaUser: string;
  readonly grafanaPassword: string;
}

/** The prefix of most names; the release is called runai-backend. */
export const RELEASE = '{{ $.Release.Name }}';

/** The expressions that read an era's values. */
export function backendKeys(era: Era): BackendKeys {
  if (era.keys === 'global') {
    return {
      domain: chartValue('global', 'domain'),
      openshift: `(eq ${chartValue('global', 'config', 'kubernetesDistribution')} "openshift")`,
      databaseUser: chartValue('global', 'postgresql', 'auth', 'username'),
      databaseName: chartValue('global', 'postgresql', 'auth', 'database'),
      grafanaUser: chartValue('grafana', 'dbUser'),
      grafanaPassword: chartValue('grafana', 'dbPassword'),
    };
  }
  return {
    domain: chartValue('deployment', 'domain'),
    openshift: chartValue('openshift'),
    databaseUser: oldOrNew(era, 'postgresqlUsername', 'username'),
    databaseName: oldOrNew(era, 'postgresqlDatabase', 'database'),
    grafanaUser: chartValue('global', 'grafana', 'dbUser'),
    grafanaPassword: chartValue('global', 'grafana', 'dbPassword'),
  };
}

function oldOrNew(era: Era, old: string, fresh: string): string {
  return era.subcharts === 'old' ? chartValue('postgresql', old) : chartValue('postgresql', 'auth', fresh);
}
