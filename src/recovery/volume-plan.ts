import { AirgapError } from '../errors.js';
import { type CreateOptions, type Saving, USUAL } from './create-types.js';
import { externalDatabase } from './database-address.js';
import { chooseClass } from './snapshot.js';
import { type Stopped, workloadOf } from './stop-steps.js';
import { findVolumes, type ProductVolume, type VolumePlaces } from './volume-find.js';

/** A volume and how it is saved. */
export interface PlannedVolume extends ProductVolume {
  readonly saving: Saving;
  /** What is stopped while it is copied. */
  readonly stopped?: Stopped;
}

/** Once mounted by a pod, no other pod may have it. */
const ONE_POD = 'ReadWriteOncePod';

/**
 * The volumes of the chosen data. That of a database that is dumped is none of them.
 * @throws AirgapError BACKUP_FAILED for one that cannot be saved in the way that was asked for
 */
export async function planVolumes(
  places: VolumePlaces,
  options: CreateOptions,
): Promise<{ readonly volumes: PlannedVolume[]; readonly others: readonly string[] }> {
  const { client, choices, savings = USUAL, signal } = options;
  const found = await findVolumes(client, places, signal);
  const volumes: PlannedVolume[] = [];
  for (const volume of found.volumes) {
    const saving = savings[volume.purpose];
    const isDump = 'way' in saving && saving.way === 'dump';
    if (!choices.has(volume.purpose) || isDump) continue;
    volumes.push(await planVolume({ ...volume, saving }, options));
  }
  const { database } = savings;
  const wantsVolume = choices.has('database') && 'way' in database && database.way !== 'dump';
  if (
    wantsVolume &&
    !externalDatabase(places.values) &&
    !volumes.some(({ purpose }) => purpose === 'database')
  ) {
    throw new AirgapError('BACKUP_FAILED', 'the database has no volume', {
      expected: 'a claim that the database’s pod has mounted',
      found: 'none',
      hint: 'save it as a dump: --database-as dump',
    });
  }
  return { volumes, others: found.others };
}

async function planVolume(volume: PlannedVolume, options: CreateOptions): Promise<PlannedVolume> {
  const { client, signal, snapshotClass: className } = options;
  const { saving, namespace, claim } = volume;
  if (!('way' in saving)) return volume;
  if (saving.way === 'snapshot') {
    await chooseClass(volume, { client, signal, ...(className === undefined ? {} : { className }) });
    return volume;
  }
  if (saving.way === 'cold-copy') {
    const stopped = await workloadOf(client, volume, signal);
    return stopped ? { ...volume, stopped } : volume;
  }
  if (volume.pod !== undefined && volume.accessModes.includes(ONE_POD)) {
    throw new AirgapError('BACKUP_FAILED', `volume ${namespace}/${claim} lets no second pod in`, {
      expected: 'ReadWriteOnce or ReadWriteMany',
      found: `${ONE_POD}, mounted by ${volume.pod}`,
      hint: 'save it as a snapshot, or as a cold copy, for which that pod is stopped',
    });
  }
  return volume;
}
