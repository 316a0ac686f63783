import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject } from '../kube/types.js';
import { BACKEND, CLAIMS, CLUSTER, LATER_CLAIMS } from '../runai/names.js';
import { listAt, textAt } from './value-at.js';

/** A volume of metrics and the pod that has it mounted. */
export interface MetricsVolume {
  readonly purpose: 'metrics' | 'prometheus';
  readonly namespace: string;
  readonly claim: string;
  /** Node on which it is mounted now. */
  readonly node?: string;
  readonly pod?: string;
}

/** Claims that a Prometheus operator makes: prometheus-NAME-db-prometheus-NAME-0. */
const PROMETHEUS_CLAIM = /^prometheus-.+-db-prometheus-.+-\d+$/;

/** The Thanos volume under either era's name, or the one that the release names; and Prometheus's own. */
export async function findMetricsVolumes(
  client: Pick<KubeClient, 'list'>,
  values: unknown,
  signal: AbortSignal,
): Promise<MetricsVolume[]> {
  const existing = textAt(values, ['thanos', 'receive', 'persistence', 'existingClaim']);
  const names = [existing, LATER_CLAIMS.thanos, CLAIMS.thanos];
  const found: MetricsVolume[] = [];
  for (const { namespace } of [BACKEND, CLUSTER]) {
    const claims = await client.list(RESOURCES.claims, { namespace, signal });
    const pods = await client.list(RESOURCES.pods, { namespace, signal });
    const there = new Set(claims.map((claim) => claim.metadata.name));
    const describe = (claim: string, purpose: MetricsVolume['purpose']): MetricsVolume => {
      const pod = pods.find((each) => mounts(each, claim));
      const node = textAt(pod, ['spec', 'nodeName']);
      return {
        purpose,
        namespace,
        claim,
        ...(node === undefined ? {} : { node }),
        ...(pod === undefined ? {} : { pod: pod.metadata.name }),
      };
    };
    if (namespace === BACKEND.namespace) {
      const candidates = names.flatMap((name) =>
        name !== undefined && there.has(name) ? [describe(name, 'metrics')] : [],
      );
      const own = candidates.find((each) => each.pod !== undefined) ?? candidates[0];
      if (own) found.push(own);
    }
    for (const name of there) if (PROMETHEUS_CLAIM.test(name)) found.push(describe(name, 'prometheus'));
  }
  return found;
}

function mounts(pod: KubeObject, claim: string): boolean {
  return listAt(pod, ['spec', 'volumes']).some(
    (volume) => textAt(volume, ['persistentVolumeClaim', 'claimName']) === claim,
  );
}
