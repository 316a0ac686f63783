import { definition, type Manifest } from './fault-site.js';
import type { FaultySite } from './faulty-sites.js';

const of = (group: string, plural: string, kind: string, scope: 'Cluster' | 'Namespaced' = 'Cluster') =>
  definition({ group: `${group}.openshift.io`, plural, kind, scope });

/** What tells OpenShift from other clusters, and what the checks read there. */
const DEFINITIONS: readonly Manifest[] = [
  of('route', 'routes', 'Route', 'Namespaced'),
  of('project', 'projects', 'Project'),
  of('config', 'clusterversions', 'ClusterVersion'),
  of('config', 'ingresses', 'Ingress'),
  of('config', 'oauths', 'OAuth'),
  of('operator', 'ingresscontrollers', 'IngressController', 'Namespaced'),
];

const config = (kind: string, name: string, more: object): Manifest => ({
  apiVersion: 'config.openshift.io/v1',
  kind,
  metadata: { name },
  ...more,
});

const OBJECTS: readonly Manifest[] = [
  config('ClusterVersion', 'version', { status: { history: [{ state: 'Completed', version: '4.20.1' }] } }),
  config('Ingress', 'cluster', { spec: { domain: 'apps.runai.test' } }),
  config('OAuth', 'cluster', { spec: {} }),
];

/** OpenShift by its API groups: stand-in definitions on the same node. */
export const OPENSHIFT_FAULTS: readonly FaultySite[] = [
  {
    title:
      'an OpenShift that is too new, with its own certificate, nobody to log in and no feature discovery',
    rows: {
      'openshift.version': /4\.20\.1/,
      'openshift.router': /the certificate that OpenShift made for itself/,
      'openshift.identity': /no identity provider/,
      'openshift.nfd': /not installed, or has no instance/,
    },
    make: (site) => {
      site.apply(...DEFINITIONS);
      site.apply(...OBJECTS);
      const bundle = site.bundle('2.13.66', 'no-requirements', (spec) => {
        delete spec.requires;
      });
      return { bundle };
    },
    undo: (site) => site.remove(...DEFINITIONS),
  },
];
