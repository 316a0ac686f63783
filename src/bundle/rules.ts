import type { Fault } from '../errors.js';
import { hexOf } from '../oci/digest.js';
import { type Entry, type Manifest, NAMES, SIGNATURE_SIZE } from './manifest.js';
import { pathCollisions } from './path.js';

/** What a manifest of the right shape must obey besides: the rules between its fields. */
export function manifestFaults(manifest: Manifest): Fault[] {
  return [
    ...entryFaults(manifest.entries),
    ...blobOrderFaults(manifest.entries),
    ...referenceFaults(manifest),
    ...imageFaults(manifest),
    ...baseFaults(manifest),
  ];
}

/** The signature slot and the checksums come first, and are the only entries without a digest. */
function entryFaults(entries: readonly Entry[]): Fault[] {
  const faults: Fault[] = [];
  const add = (index: number, what: string): void => {
    faults.push({ where: `entries[${index}]`, what });
  };
  if (entries[0]?.path !== NAMES.signature || entries[0].size !== SIGNATURE_SIZE) {
    add(0, `is not ${NAMES.signature} with ${SIGNATURE_SIZE} bytes`);
  }
  if (entries[1]?.path !== NAMES.checksums) add(1, `is not ${NAMES.checksums}`);
  let total = 0;
  entries.forEach((entry, index) => {
    const bare = index < 2;
    if (bare !== (entry.sha256 === undefined)) {
      add(index, bare ? `has a digest (${entry.path} has none)` : 'has no digest');
    }
    if (entry.path === NAMES.manifest) add(index, `lists ${NAMES.manifest} itself`);
    const isBlob = entry.path.startsWith(NAMES.blobs);
    if (isBlob && entry.path !== `${NAMES.blobs}${entry.sha256}`) add(index, 'is a blob under a wrong name');
    if (!isBlob && entry.path.startsWith('blobs/')) add(index, 'lies below blobs/ and is no blob');
    total += entry.size;
  });
  if (!Number.isSafeInteger(total)) faults.push({ where: 'entries', what: 'add up to more than 2^53 bytes' });
  for (const collision of pathCollisions([NAMES.manifest, ...entries.map((entry) => entry.path)])) {
    if (collision.index > 0) add(collision.index - 1, collision.what);
  }
  return faults;
}

/** Blobs are the last entries, in ascending order of their digests. */
function blobOrderFaults(entries: readonly Entry[]): Fault[] {
  const first = entries.findIndex((entry) => entry.path.startsWith(NAMES.blobs));
  if (first < 0) return [];
  for (let index = first + 1; index < entries.length; index++) {
    const [before, here] = [entries[index - 1] as Entry, entries[index] as Entry];
    if (here.path.startsWith(NAMES.blobs) && here.path >= before.path) continue;
    return [{ where: `entries[${index}]`, what: 'breaks the order: blobs come last, sorted by digest' }];
  }
  return [];
}

/** Charts and tools name entries; runai-crds.yaml is there exactly when it has sources. */
function referenceFaults(manifest: Manifest): Fault[] {
  const paths = new Set(manifest.entries.map((entry) => entry.path));
  const faults: Fault[] = [];
  for (const list of ['charts', 'tools'] as const) {
    manifest[list].forEach(({ path }, index) => {
      if (!paths.has(path)) faults.push({ where: `${list}[${index}].path`, what: `${path} is no entry` });
    });
  }
  manifest.tools.forEach(({ path }, index) => {
    if (!path.startsWith(NAMES.tools)) {
      faults.push({ where: `tools[${index}].path`, what: `does not lie below ${NAMES.tools}` });
    }
  });
  if (manifest.crds.length > 0 !== paths.has(NAMES.crds)) {
    faults.push({ where: 'crds', what: `and the entry ${NAMES.crds} do not agree` });
  }
  return faults;
}

/** Names are unique, and the root of every image is inside or in the base. */
function imageFaults(manifest: Manifest): Fault[] {
  const faults: Fault[] = [];
  const sizes = blobSizes(manifest);
  const seen = { source: new Set<string>(), target: new Set<string>() };
  manifest.images.forEach((image, index) => {
    for (const key of ['source', 'target'] as const) {
      if (seen[key].has(image[key])) faults.push({ where: `images[${index}].${key}`, what: 'occurs twice' });
      seen[key].add(image[key]);
    }
    const size = sizes.get(hexOf(image.descriptor.digest));
    if (size === image.descriptor.size) return;
    const what = size === undefined ? 'is no entry and not in the base' : 'has another size than its entry';
    faults.push({ where: `images[${index}].descriptor`, what });
  });
  return faults;
}

function baseFaults(manifest: Manifest): Fault[] {
  const blobs = manifest.base?.blobs ?? [];
  const inside = new Set(manifest.entries.map((entry) => entry.path));
  const faults: Fault[] = [];
  blobs.forEach(({ digest }, index) => {
    const before = blobs[index - 1];
    if (before && before.digest >= digest) {
      faults.push({ where: `base.blobs[${index}]`, what: 'breaks the order: sorted by digest, each once' });
    }
    if (inside.has(`${NAMES.blobs}${hexOf(digest)}`)) {
      faults.push({ where: `base.blobs[${index}]`, what: 'is an entry as well' });
    }
  });
  return faults;
}

/** Size by hex digest of every blob inside the bundle or promised by its base. */
export function blobSizes(manifest: Manifest): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { path, size } of manifest.entries) {
    if (path.startsWith(NAMES.blobs)) sizes.set(path.slice(NAMES.blobs.length), size);
  }
  for (const { digest, size } of manifest.base?.blobs ?? []) sizes.set(hexOf(digest), size);
  return sizes;
}
