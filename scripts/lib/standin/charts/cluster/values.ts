import { homeOf, type ImageUse, valuesOf } from '../../images.js';
import type { ValueOptions } from '../backend/values.js';
import { setValue, type Values } from '../text.js';
import type { ClusterContext } from './names.js';

/** The cluster chart's values.yaml, with the keys of its era. */
export function clusterValues(context: ClusterContext, options: ValueOptions): Values {
  const home = homeOf(context.era.images.cluster, options.registry);
  const values: Values = {
    standin: { full: options.full, runaiconfigFinalizer: false },
    ...(context.era.clusterKeys === 'global' ? globalKeys(home) : operatorKeys(context, home)),
  };
  for (const use of clusterUses(context)) {
    setValue(values, use.key, valuesOf(use, options.digestOf(use), options.registry));
  }
  return values;
}

/** Every place of the cluster's templates that names an image. */
export function clusterUses({ parts, services }: ClusterContext): readonly ImageUse[] {
  return [...services.map(({ use }) => use), parts.nodeExporter, parts.containerToolkit];
}

/** Up to 2.14: the operator's configuration is in the values. */
function operatorKeys({ era }: ClusterContext, home: string): Values {
  const prometheus = era.subcharts === 'old';
  return {
    global: { imagePullSecrets: [] },
    'runai-operator': {
      config: {
        global: { image: { registry: home }, runtime: 'docker', clusterDomain: 'cluster.local' },
        'project-controller': { createNamespaces: true, createRoleBindings: true, clusterWideSecret: true },
        'mps-server': { enabled: false },
        'runai-container-toolkit': { enabled: true },
        'researcher-service': { ingress: { enabled: false } },
        nvidiaDcgmExporter: { namespace: 'gpu-operator' },
        runaiBackend: { password: '' },
      },
    },
    ...(prometheus
      ? {
          'kube-prometheus-stack': { enabled: true },
          'ingress-nginx': { enabled: false },
          'prometheus-adapter': { enabled: false },
        }
      : {}),
  };
}

/** From 2.15 on: the control plane's address and secret in the values, the rest in RunaiConfig. */
function globalKeys(home: string): Values {
  return {
    global: { image: { registry: home }, imagePullSecrets: [], customCA: { enabled: false } },
    controlPlane: { url: '', clientSecret: '' },
    cluster: { uid: '', url: '' },
    clusterConfig: {
      'project-controller': { createNamespaces: true },
      'mps-server': { enabled: false },
      'runai-container-toolkit': { enabled: true },
      'workload-controller': { externalAuthUrlEnabled: true },
    },
  };
}
