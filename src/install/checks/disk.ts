import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../../errors.js';
import { SIZES } from '../../runai/prerequisites.js';
import type { Finding } from '../findings.js';
import { formatGb } from './quantity.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'installer.disk', title: 'disk of this machine' };
/** The journal, saved objects and the report: a few megabytes. */
const LEAST = 64 * 1024 * 1024;
const COMFORT = 1024 * 1024 * 1024;

export interface DiskFacts {
  readonly name: string;
  readonly path: string;
  /** Bytes that this user may still write. */
  readonly free: number;
  /** Inodes; 0 and total 0 where the file system has none. */
  readonly inodes: number;
}

export const diskCheck: Check = {
  row: ROW,
  run: async ({ stateRoot, tmp }) => [
    judgeDisk([await readDisk('state', stateRoot), await readDisk('temporary files', tmp)]),
  ],
};

/** Free space where a folder is or will be. */
export async function readDisk(name: string, path: string): Promise<DiskFacts> {
  let at = path;
  for (;;) {
    try {
      const { bavail, bsize, ffree, files } = await statfs(at);
      return { name, path, free: bavail * bsize, inodes: files === 0 ? Number.POSITIVE_INFINITY : ffree };
    } catch (error) {
      if (systemCode(error) !== 'ENOENT' || dirname(at) === at) throw error;
      at = dirname(at);
    }
  }
}

/** Images are pushed out of the bundle in place, so nothing like the vendor’s size is needed. */
export function judgeDisk(disks: readonly DiskFacts[]): Finding {
  const seen = disks.map(({ name, path, free }) => `${name} ${path}: ${formatGb(free)} free`).join('; ');
  const expected = `${formatGb(COMFORT)}; the vendor’s own ${SIZES.installerDisk} GB are for unpacking, which is not done`;
  const full = disks.filter(({ free, inodes }) => free < LEAST || inodes < 1000);
  if (full.length > 0) {
    const advice = 'make room, or name another folder: --state-dir, TMPDIR';
    const inodes = full.some((disk) => disk.inodes < 1000) ? '; inodes are used up' : '';
    return { ...ROW, outcome: 'fail', seen: `${seen}${inodes}`, expected, advice };
  }
  if (disks.some(({ free }) => free < COMFORT))
    return { ...ROW, outcome: 'warn', seen, expected, advice: 'make room' };
  return { ...ROW, outcome: 'pass', seen };
}
