import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeObject } from '../kube/types.js';
import { CLAIMS, LATER_CLAIMS } from '../runai/names.js';
import type { VolumeFacts } from './archive/types.js';
import type { Rebind } from './plan.js';
import { volumesOf } from './rebind.js';
import type { RestoreOptions } from './restore-types.js';
import { savedObjects } from './site-changes.js';
import { describeMissing, type FoundSnapshot, findSnapshot } from './snapshot-find.js';
import { textAt } from './value-at.js';

/** What becomes of each volume that the backup knows. */
export interface VolumeChoices {
  /** Copies that are written to volumes. */
  readonly copies: readonly VolumeFacts[];
  /** Volumes of the target that get their claims back. */
  readonly rebinds: readonly Rebind[];
  /** Claims that are made from snapshots that the target has. */
  readonly snapshots: readonly FoundSnapshot[];
  /** Of what is left to the site, in words. */
  readonly leftOut: readonly string[];
}

/**
 * Copies are written to fresh volumes. A volume that outlived the cluster is taken as it is when the operator named
 * its claim, or when the backup says that the site keeps it.
 * @throws AirgapError RESTORE_REFUSED, USAGE
 */
export async function chooseVolumes(options: RestoreOptions): Promise<VolumeChoices> {
  const { backup, installer, choices, rebind, signal } = options;
  const wanted = backup.manifest.volumes.filter(({ purpose }) =>
    choices.has(purpose === 'database' ? 'database' : 'metrics'),
  );
  const claims = await savedObjects(backup, ['claims']);
  const live = await installer.client.list(RESOURCES.persistentVolumes, { signal });
  const candidates = (namespace: string, claim: string): readonly Rebind[] => {
    const saved = claims.find(({ metadata }) => metadata.namespace === namespace && metadata.name === claim);
    return saved ? volumesOf(saved, live) : [];
  };
  const rebinds = rebind.map((name) => {
    const saved = claims.filter(({ metadata }) =>
      [metadata.name, `${metadata.namespace}/${metadata.name}`].includes(name),
    );
    return theOne(
      name,
      saved.flatMap(({ metadata }) => candidates(metadata.namespace ?? '', metadata.name)),
    );
  });
  const isRebound = ({ namespace, claim }: VolumeFacts): boolean =>
    rebinds.some((each) => each.namespace === namespace && each.claim === claim);
  const leftOut: string[] = [];
  const snapshots: FoundSnapshot[] = [];
  for (const volume of wanted) {
    if (isRebound(volume)) continue;
    if (volume.method === 'copy') {
      leftOut.push(...outlived(volume, candidates(volume.namespace, volume.claim)));
      continue;
    }
    const bound = live.find((each) => isBoundTo(each, volume));
    if (bound) {
      const over = volume.method === 'snapshot' ? `; snapshot ${volume.by} is not put over it` : '';
      leftOut.push(
        `volume ${volume.namespace}/${volume.claim}: stays bound to ${bound.metadata.name}${over}`,
      );
      continue;
    }
    const found = candidates(volume.namespace, volume.claim);
    if (found.length === 1) {
      const own = theOne(volume.claim, found);
      rebinds.push(own);
      if (volume.method === 'snapshot')
        leftOut.push(
          `snapshot ${volume.by} of ${volume.namespace}/${volume.claim}: volume ${own.volume} is here and taken instead, with what was written since; to have the snapshot, delete that PersistentVolume first`,
        );
      continue;
    }
    const snapshot =
      volume.method === 'snapshot' && found.length === 0
        ? await findSnapshot(installer.client, volume, signal)
        : undefined;
    if (snapshot) snapshots.push(snapshot);
    else leftOut.push(leftToSite(volume, found));
  }
  const copies = wanted.filter((volume) => volume.method === 'copy' && !isRebound(volume));
  return { copies, rebinds, snapshots, leftOut };
}

/** A volume beside the copy of what it held once. */
function outlived({ namespace, claim }: VolumeFacts, found: readonly Rebind[]): string[] {
  return found.map(
    ({ volume }) =>
      `volume ${volume} names ${namespace}/${claim}: its content is not taken, the copy is; to have it instead: --rebind ${claim}`,
  );
}

function isBoundTo(volume: KubeObject, { namespace, claim }: VolumeFacts): boolean {
  return (
    textAt(volume, ['status', 'phase']) === 'Bound' &&
    textAt(volume, ['spec', 'claimRef', 'namespace']) === namespace &&
    textAt(volume, ['spec', 'claimRef', 'name']) === claim
  );
}

function theOne(name: string, found: readonly Rebind[]): Rebind {
  const [first, ...more] = found;
  if (first && more.length === 0) return first;
  throw new AirgapError('RESTORE_REFUSED', `there is not one volume for claim ${name}`, {
    expected: 'one PersistentVolume that is not bound and whose claimRef or name is the saved claim’s',
    found: found.length === 0 ? 'none' : found.map(({ volume }) => volume).join(', '),
    hint: 'make the PersistentVolume for the surviving storage, or delete the claimRef of the wrong ones; its saved form: tar part objects/storage/volumes.json',
  });
}

/** @throws AirgapError RESTORE_REFUSED for a database: the product would begin with none */
function leftToSite(volume: VolumeFacts, found: readonly Rebind[]): string {
  const { namespace, claim, by, method, purpose } = volume;
  if (method === 'snapshot' && purpose === 'database' && found.length === 0) {
    throw new AirgapError('RESTORE_REFUSED', 'the database of this backup is a snapshot that is not here', {
      expected: `VolumeSnapshot ${by}, or a volume for claim ${namespace}/${claim}`,
      found: describeMissing(volume),
      hint: 'bring the snapshot or the volume back first; to begin with an empty database: --skip database',
    });
  }
  if (method === 'snapshot' && found.length === 0)
    return `volume ${namespace}/${claim}: ${describeMissing(volume)}; without it the volume begins empty`;
  const there =
    found.length === 0
      ? 'no free volume here names it: bring its PersistentVolume back first, or it begins empty'
      : `several volumes here name it (${found.map(({ volume }) => volume).join(', ')}): choose with --rebind after removing the wrong claimRefs`;
  return `volume ${namespace}/${claim}: ${method === 'snapshot' ? 'snapshot' : 'saved by'} ${by}; ${there}`;
}

/** Whether a rebound volume is the database's own: then its content is what counts, and no dump goes over it. */
export function bringsDatabase(rebinds: readonly Rebind[], values: unknown): boolean {
  const existing = ['postgresql', 'primary', 'persistence', 'existingClaim'];
  const names = [CLAIMS.postgresql, LATER_CLAIMS.postgresql, textAt(values, existing)];
  return rebinds.some(({ claim }) => names.includes(claim));
}
