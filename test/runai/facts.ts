import type { Platform } from '../../src/runai/platform.js';
import type { Facts, PrerequisiteChart, Site } from '../../src/runai/site.js';
import { isAtLeast, parseVersion, type Version } from '../../src/runai/version.js';

export function version(text: string): Version {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error(`no version: ${text}`);
  return parsed;
}

export interface FactOptions {
  readonly from?: string;
  readonly to: string;
  readonly platform?: Platform;
  readonly nginx?: 'own' | 'foreign' | 'off';
  readonly prerequisites?: readonly PrerequisiteChart[];
  readonly site?: Partial<Site>;
}

/** A site as a release of that version leaves it, and a bundle with everything. */
export function factsOf({
  from,
  to,
  platform = 'kubernetes',
  nginx = 'own',
  prerequisites = [],
  site = {},
}: FactOptions): Facts {
  const source = from === undefined ? undefined : version(from);
  const target = version(to);
  const old = source !== undefined && !isAtLeast(source, 2, 9);
  const claims = platform === 'openshift' ? ['pvc-postgresql'] : ['pvc-postgresql', 'pvc-thanos-receive'];
  const own = nginx === 'own' && old && platform === 'kubernetes';
  return {
    site: {
      platform,
      ...(source === undefined ? {} : { backend: source, cluster: source, clusterRelease: 'runai-cluster' }),
      nginxEnabled: nginx === 'own' && old,
      nginxOwned: { webhook: own, ingressClass: own },
      claims: source === undefined || isAtLeast(source, 2, 12) ? [] : claims,
      namespaces:
        source === undefined
          ? ['default', 'kube-system']
          : ['default', 'kube-system', 'runai', 'runai-backend'],
      kubeletService: old,
      backendIngress: source !== undefined && platform === 'kubernetes',
      backendTls: source !== undefined && isAtLeast(source, 2, 11),
      ...(platform === 'openshift' ? { openshiftDomain: 'ocp.test', openshiftFirstAdmin: 'kubeadmin' } : {}),
      ...site,
    },
    target: {
      backend: target,
      cluster: target,
      images: 'push',
      crds: true,
      prerequisites,
      ...(platform === 'kubernetes' ? { domain: 'runai.test' } : {}),
    },
  };
}

/** One release of every era, oldest first. */
export const RELEASES = [
  '2.3.0',
  '2.4.1',
  '2.5.3',
  '2.7.9',
  '2.8.20',
  '2.9.25',
  '2.10.11',
  '2.11.4',
  '2.12.3',
  '2.13.66',
  '2.16.79',
  '2.20.4',
] as const;
