import { clusterParts, clusterServices } from '../../catalog/cluster.js';
import type { Era, Version } from '../../eras.js';
import type { ValueOptions } from '../backend/values.js';
import type { ChartParts } from '../chart.js';
import { helpers } from '../helpers.js';
import { configTemplates } from './config.js';
import type { ClusterContext } from './names.js';
import { prometheusTemplates } from './prometheus.js';
import { rbacTemplates } from './rbac.js';
import { clusterValues } from './values.js';
import { workloadTemplates } from './workloads.js';

/** Up to 2.3 the cluster part was the operator's chart, under a release of that name. */
export function clusterChartName({ minor }: Version): 'runai-operator' | 'runai-cluster' {
  return minor <= 3 ? 'runai-operator' : 'runai-cluster';
}

/** Gathers what a version's cluster release consists of. */
export function clusterContext(version: Version, era: Era): ClusterContext {
  return { version, era, parts: clusterParts(version, era), services: clusterServices(version, era) };
}

/** The cluster's chart. */
export function clusterChart(context: ClusterContext, options: ValueOptions): ChartParts {
  return {
    name: clusterChartName(context.version),
    version: context.version.text,
    description: 'Stand-in for the cluster release, for tests',
    values: clusterValues(context, options),
    templates: {
      '_helpers.tpl': helpers('values'),
      ...workloadTemplates(context),
      ...configTemplates(context),
      ...rbacTemplates(),
      ...prometheusTemplates(context),
    },
  };
}
