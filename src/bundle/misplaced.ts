import type { Fault } from '../errors.js';
import { looksLikeBundle } from './detect.js';
import { type FileMap, type Seam, seamsOf } from './positions.js';
import type { ByteSource, Piece } from './source.js';
import { BLOCK } from './tar.js';

/** Bytes that may differ by damage alone; verify names those. */
const DAMAGE = 4;

/** Parts in which one seam is looked at, to name swapped parts before anything is hashed. */
interface Probe {
  readonly piece: Piece;
  readonly seam: Seam;
}

/**
 * Finds parts that hold bytes of another place or bundle: the first header within each part must be the one that
 * belongs there. A part without any header (inside one large blob) is left to the hashes.
 */
export async function misplacedPartFaults(source: ByteSource, map: FileMap): Promise<Fault[]> {
  const probes = probesOf(source.pieces, map);
  const faults: Fault[] = [];
  for (const { piece, seam } of probes) {
    const found = await source.read(seam.offset, seam.bytes.length);
    if (differences(found, seam.bytes) <= DAMAGE) continue;
    const owner = await ownerOf(source, piece, probes);
    faults.push({
      where: piece.path,
      what: owner ? `holds what belongs into ${owner}` : 'is of another bundle, or was never written',
      expected: seam.what,
      offset: seam.offset,
    });
  }
  return faults;
}

function differences(found: Buffer, expected: Buffer): number {
  let count = 0;
  for (let i = 0; i < expected.length; i++) if (found[i] !== expected[i]) count++;
  return count;
}

/** When the set does not begin like a bundle: the part that does. */
export async function firstPartFaults({ pieces, read }: ByteSource): Promise<Fault[]> {
  for (const { path, start, size } of pieces.slice(1)) {
    if (size < BLOCK || !looksLikeBundle(await read(start, BLOCK))) continue;
    return [{ where: path, what: `is the first part, and ${pieces[0]?.path} is another` }];
  }
  return [];
}

function probesOf(pieces: readonly Piece[], map: FileMap): Probe[] {
  const probes: Probe[] = [];
  const seams = seamsOf(map);
  let seam = seams.next();
  for (const piece of pieces) {
    while (!seam.done && seam.value.offset < piece.start) seam = seams.next();
    if (seam.done) break;
    const end = seam.value.offset + seam.value.bytes.length;
    if (end <= piece.start + piece.size) probes.push({ piece, seam: seam.value });
  }
  return probes;
}

/** The part whose expected first header stands in this part at the same distance from its start. */
async function ownerOf(
  source: ByteSource,
  piece: Piece,
  probes: readonly Probe[],
): Promise<string | undefined> {
  for (const other of probes) {
    const at = piece.start + (other.seam.offset - other.piece.start);
    const { length } = other.seam.bytes;
    if (other.piece === piece || at + length > piece.start + piece.size) continue;
    if ((await source.read(at, length)).equals(other.seam.bytes)) return other.piece.path;
  }
  return undefined;
}
