import { CLAIM_SETTINGS, CLAIMS, CLUSTER } from '../names.js';
import type { Facts } from '../site.js';
import { crosses, isAtLeast } from '../version.js';

/**
 * Which of the recommended procedures the control plane's upgrade follows (docs/domain.md, upgrade paths).
 * B: deletes by kind, without Helm's release secrets. C: the few deletes that the newer chart needs.
 */
export type BackendPath = 'install' | 'B' | 'C' | 'release-volumes' | 'to-global' | 'plain' | 'none';

/** The procedure for a site and a target. */
export function backendPath({ site, target }: Facts): BackendPath {
  if (target.backend === undefined) return 'none';
  if (site.backend === undefined) return 'install';
  const [from, to] = [site.backend, target.backend];
  if (crosses(from, to, 2, 9)) return isAtLeast(to, 2, 12) ? 'C' : 'B';
  if (crosses(from, to, 2, 12)) return 'to-global';
  if (crosses(from, to, 2, 11)) return 'release-volumes';
  return 'plain';
}

/** True when the chart's claims must survive leaving the chart. */
export function movesVolumes(facts: Facts): boolean {
  return ['B', 'C', 'release-volumes', 'to-global'].includes(backendPath(facts));
}

/** The claims that hold data: on OpenShift the platform keeps the metrics, so there is one only. */
export function dataClaims({ site }: Facts): string[] {
  return site.platform === 'openshift' ? [CLAIMS.postgresql] : [CLAIMS.postgresql, CLAIMS.thanos];
}

/** Key of the values, from 2.12 on, under which the control plane is told to go on with one of these claims. */
export function claimSetting(claim: string): string {
  return claim === CLAIMS.thanos ? CLAIM_SETTINGS.thanos : CLAIM_SETTINGS.postgresql;
}

/** True when the control plane that is there gets a newer chart, on whatever path. */
export function upgradesBackend(facts: Facts): boolean {
  return !['install', 'none'].includes(backendPath(facts));
}

/** True when the cluster part must be uninstalled and installed anew; a release of another name is none to upgrade. */
export function reinstallsCluster({ site, target }: Facts): boolean {
  if (site.cluster === undefined || target.cluster === undefined) return false;
  if ((site.clusterRelease ?? CLUSTER.release) !== CLUSTER.release) return true;
  return crosses(site.cluster, target.cluster, 2, 9) || crosses(site.cluster, target.cluster, 2, 4);
}

/** True when an ingress controller that the release brought goes away. */
export function losesIngress(facts: Facts): boolean {
  return facts.site.platform === 'kubernetes' && ['B', 'C'].includes(backendPath(facts));
}
