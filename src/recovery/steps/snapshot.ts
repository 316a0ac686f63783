import { AirgapError } from '../../errors.js';
import { parseQuantity } from '../../kube/quantity.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { StepExecutor } from '../../run/types.js';
import { SNAPSHOT_CONTENTS, SNAPSHOTS, waitReady } from '../snapshot.js';
import type { FoundSnapshot } from '../snapshot-find.js';
import { textAt, valueAt } from '../value-at.js';
import { freshClaim } from './claims.js';
import type { RestoreWork } from './types.js';

const BOUND_MS = 10 * 60_000;

/** Makes a claim whose volume the driver fills from a snapshot. One that is there otherwise is left alone. */
export function snapshotStep(work: RestoreWork, found: FoundSnapshot): StepExecutor {
  const { namespace, claim, snapshot } = found;
  const { client } = work;
  const read = (signal: AbortSignal): Promise<KubeObject | undefined> =>
    client.get(RESOURCES.claims, { namespace, name: claim }, { signal });
  return {
    observe: async ({ signal }) => {
      const live = await read(signal);
      if (!live) return { state: 'ready', detail: 'there is no claim' };
      if (!isFrom(live, snapshot))
        return {
          state: 'impossible',
          detail: `claim ${namespace}/${claim} is there and not from ${snapshot}`,
        };
      if (await isServed(work, live, signal)) return { state: 'done', detail: `from ${snapshot}` };
      return { state: 'ready', detail: 'the claim waits for its volume' };
    },
    perform: async ({ signal, guard }) => {
      await guard();
      if (found.imported) await importSnapshot(work, found, signal);
      if (!(await read(signal)))
        await client.create(withSource(await freshClaim(work, found, signal), found), { signal });
      const isDone = await waitFor(
        async () => ((await isServed(work, await read(signal), signal)) ? true : undefined),
        { timeout: BOUND_MS, every: 500, signal },
      );
      if (isDone) return;
      throw new AirgapError('RESTORE_FAILED', `claim ${namespace}/${claim} gets no volume from ${snapshot}`, {
        expected: `a volume that the CSI driver fills from ${found.handle}`,
        found: textAt(await read(signal), ['status', 'phase']) ?? 'no claim',
        hint: `what the driver says: kubectl -n ${namespace} describe pvc ${claim}`,
      });
    },
  };
}

/** A class that waits for a pod has done its part when the claim is there. */
async function isServed(
  { client }: Pick<RestoreWork, 'client'>,
  live: KubeObject | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (textAt(live, ['status', 'phase']) === 'Bound') return true;
  const name = textAt(live, ['spec', 'storageClassName']);
  if (name === undefined) return false;
  const storage = await client.get(RESOURCES.storageClasses, { name }, { signal });
  return live !== undefined && textAt(storage, ['volumeBindingMode']) === 'WaitForFirstConsumer';
}

function isFrom(claim: KubeObject, snapshot: string): boolean {
  const source = valueAt(claim, ['spec', 'dataSource']);
  return textAt(source, ['kind']) === SNAPSHOTS.kind && textAt(source, ['name']) === snapshot;
}

/** A driver fills no volume that is smaller than what the snapshot is of. */
function withSource(claim: KubeObject, { snapshot, restoreSize }: FoundSnapshot): KubeObject {
  const spec = claim['spec'] as Record<string, unknown>;
  const asked = textAt(spec, ['resources', 'requests', 'storage']);
  const isSmaller = (parseQuantity(asked) ?? 0) < (parseQuantity(restoreSize) ?? 0);
  const storage = isSmaller ? restoreSize : asked;
  return {
    ...claim,
    spec: {
      ...spec,
      resources: { requests: { storage } },
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: SNAPSHOTS.kind, name: snapshot },
    },
  };
}

/** A pair of objects for a handle that the driver knows; the data on the storage is the site's and stays (Retain). */
async function importSnapshot(
  { client }: RestoreWork,
  { namespace, snapshot: name, handle, imported }: FoundSnapshot,
  signal: AbortSignal,
): Promise<void> {
  const { driver = '', className } = imported ?? {};
  const labels = { 'app.kubernetes.io/managed-by': 'airgap' };
  const named = className === undefined ? {} : { volumeSnapshotClassName: className };
  const { apiVersion } = SNAPSHOTS;
  const content = {
    apiVersion,
    kind: SNAPSHOT_CONTENTS.kind,
    metadata: { name: `${namespace}-${name}`.slice(0, 253), labels },
    spec: {
      deletionPolicy: 'Retain',
      driver,
      source: { snapshotHandle: handle },
      volumeSnapshotRef: { name, namespace },
      ...named,
    },
  };
  await client.create(content, { signal });
  const source = { volumeSnapshotContentName: content.metadata.name };
  await client.create(
    { apiVersion, kind: SNAPSHOTS.kind, metadata: { name, namespace, labels }, spec: { source, ...named } },
    { signal },
  );
  await waitReady({ name, namespace }, { client, signal, code: 'RESTORE_FAILED' });
}
