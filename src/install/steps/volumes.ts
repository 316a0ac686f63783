import { isKeptByPolicy, RESOURCE_POLICY, releaseNameOf } from '../../helm/marks.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { StepExecutor } from '../../run/types.js';
import { savedObject } from './saved-site.js';
import type { Work } from './types.js';

type Needs = Pick<Work, 'client' | 'limits'>;

interface Claims {
  readonly namespace: string;
  readonly claims: readonly string[];
}

type Claim = KubeObject & {
  readonly spec?: { readonly volumeName?: string };
  readonly status?: { readonly phase?: string };
};
type Volume = KubeObject & { readonly spec?: { readonly persistentVolumeReclaimPolicy?: string } };

/** Sets the volumes behind claims to Retain, one by one; the only protection that `helm uninstall` respects. */
export function retainVolumesStep({ client }: Needs, { namespace, claims }: Claims): StepExecutor {
  const read = async (signal: AbortSignal): Promise<{ volumes: Volume[]; missing: string[] }> => {
    const volumes: Volume[] = [];
    const missing: string[] = [];
    for (const name of claims) {
      const claim = await client.get<Claim>(RESOURCES.claims, { name, namespace }, { signal });
      const volume = claim?.spec?.volumeName;
      const found =
        volume === undefined
          ? undefined
          : await client.get<Volume>(RESOURCES.persistentVolumes, { name: volume }, { signal });
      if (found) volumes.push(found);
      else missing.push(claim === undefined ? `there is no claim ${name}` : `claim ${name} has no volume`);
    }
    return { volumes, missing };
  };
  const retained = ({ spec }: Volume): boolean => spec?.persistentVolumeReclaimPolicy === 'Retain';
  return {
    observe: async ({ signal }) => {
      const { volumes, missing } = await read(signal);
      if (missing.length > 0) return { state: 'impossible', detail: missing.join('; ') };
      return volumes.every(retained) ? { state: 'done' } : { state: 'ready' };
    },
    save: async ({ saved, signal }) => {
      const { volumes } = await read(signal);
      await saved.put('volumes/before.json', JSON.stringify(volumes));
    },
    perform: async (context) => {
      const { volumes } = await read(context.signal);
      for (const { metadata } of volumes.filter((volume) => !retained(volume))) {
        await context.guard();
        const patch = { spec: { persistentVolumeReclaimPolicy: 'Retain' } };
        await client.patch(RESOURCES.persistentVolumes, { name: metadata.name }, patch, {
          signal: context.signal,
        });
      }
    },
  };
}

/** Annotates claims, and the volumes behind them that a release made, so that Helm keeps them when they leave the chart. */
export function keepClaimsStep({ client }: Needs, { namespace, claims }: Claims): StepExecutor {
  const read = async (
    signal: AbortSignal,
  ): Promise<{ found: Claim[]; volumes: Volume[]; missing: string[] }> => {
    const found: Claim[] = [];
    const volumes: Volume[] = [];
    const missing: string[] = [];
    for (const name of claims) {
      const claim = await client.get<Claim>(RESOURCES.claims, { name, namespace }, { signal });
      if (claim === undefined) missing.push(name);
      else found.push(claim);
      const volume = claim?.spec?.volumeName;
      if (volume === undefined) continue;
      const behind = await client.get<Volume>(RESOURCES.persistentVolumes, { name: volume }, { signal });
      if (behind !== undefined && releaseNameOf(behind) !== undefined) volumes.push(behind);
    }
    return { found, volumes, missing };
  };
  return {
    observe: async ({ signal }) => {
      const { found, volumes, missing } = await read(signal);
      if (missing.length > 0)
        return { state: 'impossible', detail: `there is no claim ${missing.join(', ')}` };
      return [...found, ...volumes].every(isKeptByPolicy) ? { state: 'done' } : { state: 'ready' };
    },
    save: async ({ saved, signal }) => {
      const { found } = await read(signal);
      await saved.put('volumes/claims.json', JSON.stringify(found));
    },
    perform: async (context) => {
      const patch = { metadata: { annotations: { [RESOURCE_POLICY]: 'keep' } } };
      const { signal } = context;
      const { volumes } = await read(signal);
      // Where an NFS server was given, the chart made the volume too: Helm would delete it under the claim that stays.
      for (const { metadata } of volumes) {
        await context.guard();
        await client.patch(RESOURCES.persistentVolumes, { name: metadata.name }, patch, { signal });
      }
      for (const name of claims) {
        await context.guard();
        await client.patch(RESOURCES.claims, { name, namespace }, patch, { signal });
      }
    },
  };
}

/** Proves that claims are the ones that were saved, still bound to the same volumes. */
export function checkClaimsStep({ client, limits }: Needs, { namespace, claims }: Claims): StepExecutor {
  const look: StepExecutor['observe'] = async ({ saved, signal }) => {
    let pending: string | undefined;
    for (const name of claims) {
      const ref = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name };
      const before = (await savedObject(saved, ref)) as Claim | undefined;
      const now = await client.get<Claim>(RESOURCES.claims, { name, namespace }, { signal });
      const difference = differenceOf(name, before, now);
      if (difference !== undefined) return { state: 'impossible', detail: difference };
      if (now?.status?.phase !== 'Bound') pending = `claim ${name} is ${now?.status?.phase ?? 'in no phase'}`;
    }
    return pending === undefined ? { state: 'done' } : { state: 'ready', detail: pending };
  };
  return {
    observe: look,
    perform: async (context) => {
      const done = async (): Promise<true | undefined> =>
        (await look(context)).state === 'ready' ? undefined : true;
      await waitFor(done, { timeout: limits.health, signal: context.signal });
    },
  };
}

function differenceOf(name: string, before: Claim | undefined, now: Claim | undefined): string | undefined {
  if (before === undefined) return undefined;
  if (now === undefined)
    return `claim ${name} is gone; its volume ${before.spec?.volumeName} is kept (Retain)`;
  if (now.metadata.uid !== before.metadata.uid) {
    return `claim ${name} is another one: UID ${now.metadata.uid}, before ${before.metadata.uid}`;
  }
  if (now.spec?.volumeName !== before.spec?.volumeName) {
    return `claim ${name} is bound to ${now.spec?.volumeName}, before to ${before.spec?.volumeName}`;
  }
  return undefined;
}
