import { AirgapError, type ErrorCode } from '../errors.js';
import type { Emit } from '../events.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../kube/types.js';
import { waitFor } from '../kube/wait.js';
import { printable } from '../redact.js';
import type { Json, VolumeFacts } from './archive/types.js';
import { textAt, valueAt } from './value-at.js';
import type { ProductVolume } from './volume-find.js';

const GROUP = 'snapshot.storage.k8s.io/v1';
export const SNAPSHOTS: Resource = {
  apiVersion: GROUP,
  kind: 'VolumeSnapshot',
  plural: 'volumesnapshots',
  namespaced: true,
};
export const SNAPSHOT_CONTENTS: Resource = {
  apiVersion: GROUP,
  kind: 'VolumeSnapshotContent',
  plural: 'volumesnapshotcontents',
  namespaced: false,
};
export const SNAPSHOT_CLASSES: Resource = {
  apiVersion: GROUP,
  kind: 'VolumeSnapshotClass',
  plural: 'volumesnapshotclasses',
  namespaced: false,
};
const DEFAULT_CLASS = 'snapshot.storage.kubernetes.io/is-default-class';
const LABELS = { 'app.kubernetes.io/managed-by': 'airgap' };
const READY_MS = 15 * 60_000;
/** A driver tries again after an error; one that lasts is the answer. */
const PATIENCE_MS = 60_000;

/** Whether a backup of ours took it. */
export function isOwnSnapshot({ metadata }: KubeObject): boolean {
  return Object.entries(LABELS).every(([key, value]) => metadata.labels?.[key] === value);
}

export interface SnapshotOptions {
  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'delete'>;
  /** The class by name; the one of the volume's driver when absent. */
  readonly className?: string;
  readonly now: () => number;
  readonly random: (size: number) => Buffer;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Milliseconds that an error of the driver may last. */
  readonly patience?: number;
}

export interface TakenSnapshot {
  readonly facts: VolumeFacts;
  /** The snapshot, its content and its class as they are: what a restore makes it anew from. */
  readonly objects: readonly KubeObject[];
  /** Takes it back, for a backup that failed. */
  readonly remove: () => Promise<void>;
}

/**
 * Takes a VolumeSnapshot of a claim and waits until it is ready. Handle, driver and size are kept: they are what is
 * left of it when the cluster is gone.
 * @throws AirgapError BACKUP_FAILED with what the driver says
 */
export async function takeSnapshot(volume: ProductVolume, options: SnapshotOptions): Promise<TakenSnapshot> {
  const { client, now, random, signal, emit } = options;
  const { namespace, claim, purpose } = volume;
  const chosen = await chooseClass(volume, options);
  const className = chosen.metadata.name;
  const time = new Date(now()).toISOString().slice(0, 19).replace(/[-:T]/g, '');
  const name = `airgap-${claim.slice(0, 200)}-${time}-${random(2).toString('hex')}`;
  const made = await client.create(
    {
      apiVersion: GROUP,
      kind: SNAPSHOTS.kind,
      metadata: { name, namespace, labels: LABELS },
      spec: { volumeSnapshotClassName: className, source: { persistentVolumeClaimName: claim } },
    },
    { signal },
  );
  const uid = made === 'exists' ? undefined : made.metadata.uid;
  const remove = async (): Promise<void> => {
    await client.delete(SNAPSHOTS, { name, namespace }, uid === undefined ? {} : { uid });
  };
  try {
    const snapshot = await waitReady({ name, namespace }, options);
    const contentName = textAt(snapshot, ['status', 'boundVolumeSnapshotContentName']) ?? '';
    const content = await client.get(SNAPSHOT_CONTENTS, { name: contentName }, { signal });
    const handle = textAt(content, ['status', 'snapshotHandle']);
    if (!content || handle === undefined) {
      throw failed(volume, { expected: 'a content with the driver’s handle', found: contentName || 'none' });
    }
    const meta = factsOf({ snapshot, content, chosen });
    emit({
      type: 'note',
      level: 'warn',
      text: `volume ${namespace}/${claim}: the data is in snapshot ${handle} of ${meta['driver']}, not in the backup file${meta['deletionPolicy'] === 'Delete' ? `; its policy is Delete: it goes when VolumeSnapshot ${name} goes` : ''}`,
    });
    return {
      facts: { claim, namespace, purpose, method: 'snapshot', by: name, meta },
      objects: [
        { ...snapshot, apiVersion: GROUP, kind: SNAPSHOTS.kind },
        { ...content, apiVersion: GROUP, kind: SNAPSHOT_CONTENTS.kind },
        { ...chosen, apiVersion: GROUP, kind: SNAPSHOT_CLASSES.kind },
      ],
      remove,
    };
  } catch (error) {
    await remove().catch(() => {});
    throw error;
  }
}

/** The named class, else the one of the driver that the volume belongs to. @throws AirgapError BACKUP_FAILED */
export async function chooseClass(
  volume: ProductVolume,
  { client, className, signal }: Pick<SnapshotOptions, 'client' | 'className' | 'signal'>,
): Promise<KubeObject> {
  const classes = await client.list(SNAPSHOT_CLASSES, { signal });
  const names = classes.map(({ metadata }) => metadata.name).join(', ') || 'none';
  if (className !== undefined) {
    const named = classes.find(({ metadata }) => metadata.name === className);
    if (named) return named;
    throw failed(volume, { expected: `snapshot class ${className}`, found: names });
  }
  const pv =
    volume.volume === undefined
      ? undefined
      : await client.get(RESOURCES.persistentVolumes, { name: volume.volume }, { signal });
  const driver = textAt(pv, ['spec', 'csi', 'driver']);
  const fitting = classes.filter((each) => driver !== undefined && textAt(each, ['driver']) === driver);
  const chosen =
    fitting.find(({ metadata }) => metadata.annotations?.[DEFAULT_CLASS] === 'true') ??
    (fitting.length === 1 ? fitting[0] : undefined);
  if (chosen) return chosen;
  throw failed(volume, {
    expected:
      driver === undefined
        ? 'a volume of a CSI driver'
        : `one snapshot class of driver ${driver}, or a default one`,
    found: driver === undefined ? `volume ${volume.volume ?? 'none'} of another kind` : `classes: ${names}`,
    hint:
      fitting.length > 1
        ? 'choose one with --snapshot-class NAME'
        : 'save it another way: --database-as, --metrics-as',
  });
}

/** Waits until a snapshot can be used. @throws AirgapError of the given code with what the driver says */
export async function waitReady(
  place: { readonly name: string; readonly namespace: string },
  {
    client,
    signal,
    patience = PATIENCE_MS,
    code = 'BACKUP_FAILED',
  }: Pick<SnapshotOptions, 'signal' | 'patience'> & {
    readonly client: Pick<KubeClient, 'get'>;
    readonly code?: ErrorCode;
  },
): Promise<KubeObject> {
  let last: KubeObject | undefined;
  let faultySince: number | undefined;
  const ready = await waitFor(
    async () => {
      last = await client.get(SNAPSHOTS, place, { signal });
      if (valueAt(last, ['status', 'readyToUse']) === true) return true;
      if (textAt(last, ['status', 'error', 'message']) === undefined) faultySince = undefined;
      else faultySince ??= performance.now();
      return faultySince !== undefined && performance.now() - faultySince >= patience ? false : undefined;
    },
    { timeout: READY_MS, every: 500, signal },
  );
  if (ready && last) return last;
  throw new AirgapError(code, `snapshot ${place.namespace}/${place.name} does not become ready`, {
    expected: 'status.readyToUse: true',
    found: printable(textAt(last, ['status', 'error', 'message']) ?? 'nothing was said about it', 500),
    hint:
      code === 'BACKUP_FAILED'
        ? 'look at the snapshot controller and the CSI driver; the snapshot was removed again'
        : 'look at the snapshot controller and the CSI driver, then the same command again',
  });
}

function factsOf({
  snapshot,
  content,
  chosen,
}: {
  readonly snapshot: KubeObject;
  readonly content: KubeObject;
  readonly chosen: KubeObject;
}): Record<string, Json> {
  const text = (value: unknown, ...path: string[]): string => textAt(value, path) ?? '';
  return {
    class: chosen.metadata.name,
    driver: text(content, 'spec', 'driver'),
    handle: text(content, 'status', 'snapshotHandle'),
    content: content.metadata.name,
    uid: snapshot.metadata.uid ?? '',
    deletionPolicy: text(content, 'spec', 'deletionPolicy'),
    restoreSize: text(snapshot, 'status', 'restoreSize'),
    takenAt: text(snapshot, 'status', 'creationTime'),
  };
}

function failed(
  { namespace, claim }: ProductVolume,
  details: { readonly expected: string; readonly found: string; readonly hint?: string },
): AirgapError {
  return new AirgapError(
    'BACKUP_FAILED',
    `no snapshot can be taken of volume ${namespace}/${claim}`,
    details,
  );
}
