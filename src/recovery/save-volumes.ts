import { AirgapError } from '../errors.js';
import { partPath } from './archive/path.js';
import type { VolumeFacts } from './archive/types.js';
import type { BackupWriter } from './archive/writer.js';
import { demandClean } from './cold-database.js';
import type { CreateOptions } from './create-types.js';
import { formatList } from './objects.js';
import { demandHelper, type LiveSite } from './observe-site.js';
import { type TakenSnapshot, takeSnapshot } from './snapshot.js';
import { copyVolume } from './volume-copy.js';
import type { PlannedVolume } from './volume-plan.js';

export interface SavedVolumes {
  readonly facts: readonly VolumeFacts[];
  /** What was stopped for a copy and is not as it was before. */
  readonly problem?: AirgapError;
}

/** The volumes that need nothing stopped: read through a pod, as snapshots, or left to the site. */
export async function saveWarm(
  site: LiveSite,
  writer: BackupWriter,
  options: CreateOptions & { readonly taken: TakenSnapshot[] },
): Promise<VolumeFacts[]> {
  const facts: VolumeFacts[] = [];
  for (const volume of site.volumes) {
    const { saving, claim, namespace, purpose } = volume;
    if ('by' in saving) facts.push({ claim, namespace, purpose, method: 'site', by: saving.by });
    else if (saving.way === 'snapshot') facts.push(await snapshot(volume, writer, options));
    else if (!volume.stopped) facts.push(await copy(volume, { site, writer, options }));
  }
  return facts;
}

/** The volumes for which something is stopped, all within one outage. */
export async function saveCold(
  site: LiveSite,
  writer: BackupWriter,
  options: CreateOptions,
): Promise<SavedVolumes> {
  const volumes = site.volumes.filter(({ stopped }) => stopped !== undefined);
  if (volumes.length === 0) return { facts: [] };
  const { whileStopped } = options;
  if (!whileStopped) throw new AirgapError('INTERNAL', 'a cold copy without what stops and starts');
  const { result, problem } = await whileStopped(
    volumes.flatMap(({ stopped }) => stopped ?? []),
    async () => {
      const facts: VolumeFacts[] = [];
      // Whatever had the volume mounted is gone: the scheduler knows best where it can be mounted now.
      for (const { node: _node, ...volume } of volumes)
        facts.push(await copy(volume, { site, writer, options }));
      return facts;
    },
  );
  return { facts: result, ...(problem ? { problem } : {}) };
}

interface Copying {
  readonly site: LiveSite;
  readonly writer: BackupWriter;
  readonly options: CreateOptions;
}

async function copy(volume: PlannedVolume, { site, writer, options }: Copying): Promise<VolumeFacts> {
  const { image, pullSecrets } = demandHelper(site.helper);
  const { client, random, emit, signal } = options;
  const isDatabase = volume.purpose === 'database';
  const before = isDatabase ? { before: demandClean } : {};
  const facts = await copyVolume(volume, {
    client,
    writer,
    image,
    pullSecrets,
    random,
    emit,
    signal,
    ...before,
  });
  return volume.stopped ? { ...facts, meta: { ...facts.meta, cold: true } } : facts;
}

async function snapshot(
  volume: PlannedVolume,
  writer: BackupWriter,
  options: CreateOptions & { readonly taken: TakenSnapshot[] },
): Promise<VolumeFacts> {
  const { client, snapshotClass: className, now, random, emit, signal, taken } = options;
  const snapshot = await takeSnapshot(volume, {
    ...{ client, now, random, emit, signal },
    ...(className === undefined ? {} : { className }),
  });
  taken.push(snapshot);
  const path = partPath('objects', 'snapshots', `${volume.namespace}-${volume.claim}.json`);
  await writer.addFile(path, formatList(snapshot.objects), { role: 'volume-snapshots' });
  return snapshot.facts;
}
