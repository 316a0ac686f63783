import * as v from 'valibot';
import type { Emit } from '../events.js';
import type { KubeClient } from '../kube/types.js';
import { printable } from '../redact.js';
import type { BackupManifest } from './archive/types.js';
import { isOwnSnapshot, SNAPSHOT_CONTENTS, SNAPSHOTS } from './snapshot.js';
import { textAt } from './value-at.js';

/** A VolumeSnapshot that holds data of a backup. */
export interface KeptSnapshot {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export const keptSnapshot = v.strictObject({ namespace: v.string(), name: v.string(), uid: v.string() });

/** The snapshots that a backup recorded; those of versions that noted no UID are left out: nobody could prove them. */
export function snapshotsOf({ volumes }: Pick<BackupManifest, 'volumes'>): KeptSnapshot[] {
  return volumes.flatMap(({ method, namespace, by, meta }) => {
    const uid = textAt(meta, ['uid']);
    return method === 'snapshot' && by !== undefined && uid !== undefined
      ? [{ namespace, name: by, uid }]
      : [];
  });
}

/**
 * Deletes the snapshot of a backup that is gone: only the very one that was recorded, and only while it is ours. What
 * stays is said, with what deletes it; nothing is thrown.
 */
export async function removeSnapshot(
  { namespace, name, uid }: KeptSnapshot,
  { client, emit }: { readonly client: Pick<KubeClient, 'get' | 'delete'>; readonly emit: Emit },
): Promise<void> {
  const what = `VolumeSnapshot ${namespace}/${name}`;
  const say = (level: 'info' | 'warn', text: string): void => emit({ type: 'note', level, text });
  try {
    const live = await client.get(SNAPSHOTS, { namespace, name });
    if (!live) return;
    if (live.metadata.uid !== uid || !isOwnSnapshot(live)) {
      say('warn', `${what} stays: it is not the one that the deleted backup recorded`);
      return;
    }
    const contentName = textAt(live, ['status', 'boundVolumeSnapshotContentName']);
    const content =
      contentName === undefined ? undefined : await client.get(SNAPSHOT_CONTENTS, { name: contentName });
    if ((await client.delete(SNAPSHOTS, { namespace, name }, { uid })) === 'other') return;
    if (textAt(content, ['spec', 'deletionPolicy']) !== 'Retain') {
      say('info', `deleted ${what}, whose backup is gone`);
      return;
    }
    const handle = textAt(content, ['status', 'snapshotHandle']) ?? 'its snapshot';
    say(
      'warn',
      `deleted ${what}, whose backup is gone; its class retains: ${handle} stays on the storage until the site deletes it there and VolumeSnapshotContent ${contentName} here`,
    );
  } catch (error) {
    const found = printable(error instanceof Error ? error.message : String(error), 300);
    say(
      'warn',
      `${what} stays although its backup is gone: ${found}; kubectl -n ${namespace} delete volumesnapshot ${name}`,
    );
  }
}
