export type Platform = 'kubernetes' | 'openshift';

/** API groups that only OpenShift serves; all of them must be there. */
export const OPENSHIFT_GROUPS = [
  'route.openshift.io',
  'config.openshift.io',
  'project.openshift.io',
] as const;

/** Recognises OpenShift by the API groups that the server lists. */
export function platformOf(groups: Iterable<string>): Platform {
  const served = new Set(groups);
  return OPENSHIFT_GROUPS.every((group) => served.has(group)) ? 'openshift' : 'kubernetes';
}

/** Projects that OpenShift wants before the cluster part (scale-adjust only with autoscaling). */
export const OPENSHIFT_PROJECTS = ['runai-backend', 'runai', 'runai-reservation'] as const;
export const OPENSHIFT_AUTOSCALING_PROJECT = 'runai-scale-adjust';

/** The control plane's host there: `runai.apps.<domain of the cluster>`. */
export function openshiftHost(clusterDomain: string): string {
  return `runai.apps.${clusterDomain}`;
}
