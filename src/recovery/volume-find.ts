import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject } from '../kube/types.js';
import { BACKEND, CLAIMS, CLUSTER, LATER_CLAIMS, OLD_PROMETHEUS_NAMESPACE } from '../runai/names.js';
import type { DataChoice } from './create-types.js';
import { listAt, textAt, valueAt } from './value-at.js';

/** A volume of the product's and the pod that has it mounted. */
export interface ProductVolume {
  readonly purpose: DataChoice;
  readonly namespace: string;
  readonly claim: string;
  readonly accessModes: readonly string[];
  /** Name of the PersistentVolume. */
  readonly volume?: string;
  /** Node on which it is mounted now. */
  readonly node?: string;
  readonly pod?: string;
}

export interface FoundVolumes {
  readonly volumes: readonly ProductVolume[];
  /** Claims in the product's namespaces that are none of these, as NAMESPACE/NAME. */
  readonly others: readonly string[];
}

/** Claims that a Prometheus operator makes: prometheus-NAME-db-prometheus-NAME-0. */
const PROMETHEUS_CLAIM = /^prometheus-.+-db-prometheus-.+-\d+$/;
/** Where charts up to 2.8 put the Prometheus that they brought; a later one there is the site's own. */
const OLD_PROMETHEUS_CLAIM = /^prometheus-runai-.+-db-prometheus-runai-.+-\d+$/;

/** What decides where volumes are. */
export interface VolumePlaces {
  /** Of the control plane's release. */
  readonly values: unknown;
  /** The cluster part is of a release that brought its Prometheus into a namespace of its own. */
  readonly oldPrometheus: boolean;
}

/** Database and Thanos under either era's name, or the ones that the release names; and Prometheus's own volumes. */
export async function findVolumes(
  client: Pick<KubeClient, 'list'>,
  { values, oldPrometheus }: VolumePlaces,
  signal: AbortSignal,
): Promise<FoundVolumes> {
  const volumes: ProductVolume[] = [];
  const others: string[] = [];
  const namespaces: string[] = [BACKEND.namespace, CLUSTER.namespace];
  if (oldPrometheus) namespaces.push(OLD_PROMETHEUS_NAMESPACE);
  for (const namespace of namespaces) {
    const claims = await client.list(RESOURCES.claims, { namespace, signal });
    if (claims.length === 0) continue;
    const pods = await client.list(RESOURCES.pods, { namespace, signal });
    const describe = (claim: KubeObject, purpose: DataChoice): ProductVolume =>
      describeVolume(claim, { purpose, pods });
    const own = claims.flatMap((claim) => {
      const purpose = purposeOf(claim, namespace);
      return purpose === undefined ? [] : [describe(claim, purpose)];
    });
    if (namespace === BACKEND.namespace) {
      for (const [purpose, names] of Object.entries(claimNames(values))) {
        const candidates = names.flatMap((name) => {
          const claim = claims.find(({ metadata }) => metadata.name === name);
          return claim ? [describe(claim, purpose as DataChoice)] : [];
        });
        const chosen = candidates.find(({ pod }) => pod !== undefined) ?? candidates[0];
        if (chosen) own.push(chosen);
      }
    }
    volumes.push(...own);
    if (namespace === OLD_PROMETHEUS_NAMESPACE) continue;
    const known = new Set(own.map(({ claim }) => claim));
    for (const { metadata } of claims)
      if (!known.has(metadata.name)) others.push(`${namespace}/${metadata.name}`);
  }
  return { volumes, others };
}

/** Names of the claims of a pod's volumes. Pure. */
export function claimsOf(podSpec: unknown): string[] {
  return listAt(podSpec, ['volumes']).flatMap(
    (volume) => textAt(volume, ['persistentVolumeClaim', 'claimName']) ?? [],
  );
}

/** Pods that have the claim mounted, ended ones apart. */
export function podsOf(pods: readonly KubeObject[], claim: string): KubeObject[] {
  return pods.filter(
    (pod) =>
      !['Succeeded', 'Failed'].includes(textAt(pod, ['status', 'phase']) ?? '') &&
      claimsOf(pod['spec']).includes(claim),
  );
}

/** Names to look for in the control plane's namespace, the release's own choice first. */
function claimNames(values: unknown): Record<'metrics' | 'database', string[]> {
  const existing = (...path: string[]): string[] => {
    const name = textAt(values, [...path, 'persistence', 'existingClaim']);
    return name === undefined ? [] : [name];
  };
  return {
    metrics: [...existing('thanos', 'receive'), LATER_CLAIMS.thanos, CLAIMS.thanos],
    database: [...existing('postgresql', 'primary'), LATER_CLAIMS.postgresql, CLAIMS.postgresql],
  };
}

function purposeOf({ metadata }: KubeObject, namespace: string): DataChoice | undefined {
  const form = namespace === OLD_PROMETHEUS_NAMESPACE ? OLD_PROMETHEUS_CLAIM : PROMETHEUS_CLAIM;
  return form.test(metadata.name) ? 'prometheus' : undefined;
}

function describeVolume(
  claim: KubeObject,
  { purpose, pods }: { readonly purpose: DataChoice; readonly pods: readonly KubeObject[] },
): ProductVolume {
  const { name, namespace = '' } = claim.metadata;
  const pod = podsOf(pods, name).find((each) => textAt(each, ['spec', 'nodeName']) !== undefined);
  const node = textAt(pod, ['spec', 'nodeName']);
  const volume = textAt(claim, ['spec', 'volumeName']);
  const modes = valueAt(claim, ['spec', 'accessModes']);
  return {
    purpose,
    namespace,
    claim: name,
    accessModes: Array.isArray(modes) ? modes.map(String) : [],
    ...(volume === undefined ? {} : { volume }),
    ...(node === undefined ? {} : { node }),
    ...(pod === undefined ? {} : { pod: pod.metadata.name }),
  };
}
