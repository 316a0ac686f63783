import type { KubeClient, KubeObject } from '../kube/types.js';
import type { VolumeFacts } from './archive/types.js';
import { SNAPSHOT_CONTENTS, SNAPSHOTS } from './snapshot.js';
import { textAt, valueAt } from './value-at.js';

/** A snapshot of the target that a claim can be made from. */
export interface FoundSnapshot {
  readonly namespace: string;
  readonly claim: string;
  /** The VolumeSnapshot, or the name that it gets. */
  readonly snapshot: string;
  /** What the driver knows it by. */
  readonly handle: string;
  /** No VolumeSnapshot has it any more: one is made for the handle first. */
  readonly imported?: { readonly driver: string; readonly className?: string };
  /** Bytes as a quantity of Kubernetes: what the claim must at least ask for. */
  readonly restoreSize?: string;
}

type Client = Pick<KubeClient, 'get' | 'list' | 'groups'>;

/**
 * Looks for the snapshot that a backup recorded: the VolumeSnapshot itself, else any content of the same driver with the
 * same handle, which is what outlives a namespace or a cluster whose contents were brought back.
 */
export async function findSnapshot(
  client: Client,
  { namespace, claim, by, meta }: VolumeFacts,
  signal: AbortSignal,
): Promise<FoundSnapshot | undefined> {
  const [handle, driver] = [textAt(meta, ['handle']), textAt(meta, ['driver'])];
  if (by === undefined || handle === undefined || driver === undefined) return undefined;
  const groups = await client.groups({ signal });
  if (!groups.includes(SNAPSHOTS.apiVersion.split('/')[0] ?? '')) return undefined;
  const restoreSize = textAt(meta, ['restoreSize']);
  const found = { namespace, claim, handle, ...(restoreSize ? { restoreSize } : {}) };
  const contents = (await client.list(SNAPSHOT_CONTENTS, { signal })).filter((content) =>
    isOf(content, { handle, driver }),
  );
  const live = await client.get(SNAPSHOTS, { namespace, name: by }, { signal });
  const bound = textAt(live, ['status', 'boundVolumeSnapshotContentName']);
  const isReady = valueAt(live, ['status', 'readyToUse']) === true;
  const isLeaving = live?.metadata.deletionTimestamp !== undefined;
  if (isReady && !isLeaving && contents.some(({ metadata }) => metadata.name === bound))
    return { ...found, snapshot: by };
  if (contents.length === 0) return undefined;
  const className = textAt(contents[0], ['spec', 'volumeSnapshotClassName']);
  const imported = { driver, ...(className === undefined ? {} : { className }) };
  return { ...found, snapshot: `airgap-restored-${by}`.slice(0, 253), imported };
}

function isOf(
  content: KubeObject,
  { handle, driver }: { readonly handle: string; readonly driver: string },
): boolean {
  const handles = [
    textAt(content, ['status', 'snapshotHandle']),
    textAt(content, ['spec', 'source', 'snapshotHandle']),
  ];
  return (
    content.metadata.deletionTimestamp === undefined &&
    textAt(content, ['spec', 'driver']) === driver &&
    handles.includes(handle)
  );
}

/** What the site must do for a snapshot that this cluster does not know. */
export function describeMissing({ by, meta }: VolumeFacts): string {
  const [handle, driver] = [textAt(meta, ['handle']) ?? 'unknown', textAt(meta, ['driver']) ?? 'unknown'];
  return `snapshot ${by} (handle ${handle} of driver ${driver}) is not in this cluster: where the storage still has it, make a VolumeSnapshotContent with spec.driver ${driver}, spec.source.snapshotHandle ${handle} and deletionPolicy Retain, then the same command again`;
}
