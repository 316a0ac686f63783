import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError, systemCode } from '../errors.js';
import { asWriteError } from '../io/atomic.js';
import { identifyProcess, livenessOf, type ProcessIdentity } from './process-identity.js';

/**
 * What a lock file says. The files of a lock are numbered; the greatest number is the lock, the others are its
 * past. A number is never used twice and the greatest file is never removed (release rewrites it), so a process
 * that slept between looking and taking cannot take an old number and believe it holds the lock.
 */
interface LockFile extends ProcessIdentity {
  readonly runId: string;
  /** ISO time, for messages. */
  readonly since: string;
  /** What the holder is doing, for messages. */
  readonly purpose: string;
  readonly released: boolean;
}

export interface HostLockOptions {
  /** Folder of the lock's files (paths.ts, locksFolder). */
  readonly folder: string;
  readonly runId: string;
  readonly purpose: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A run whose holder cannot be proven gone (another host or container on the same disk) and who the operator says is. */
  readonly takeover?: string;
}

export interface HostLock {
  /** Grows with every holder. */
  readonly number: number;
  readonly release: () => Promise<void>;
}

/** Files of the past kept, against processes that sleep long between looking and taking. */
const KEPT = 64;
const MOST_TRIES = 100;

/**
 * Takes the lock, or says at once who holds it. A holder that is provably gone is replaced.
 * @throws AirgapError LOCKED, OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function acquireHostLock(options: HostLockOptions): Promise<HostLock> {
  const { folder } = options;
  const self = await identifyProcess();
  const content: LockFile = {
    ...self,
    runId: options.runId,
    since: new Date(options.now()).toISOString(),
    purpose: options.purpose,
    released: false,
  };
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const numbers = await listNumbers(folder);
      const newest = numbers.at(-1) ?? 0;
      if (newest > 0) await mayReplace(folder, newest, options);
      const mine = newest + 1;
      if (!(await place(folder, mine, content))) continue;
      if (!(await isNewest(folder, mine))) {
        await rm(fileOf(folder, mine), { force: true });
        continue;
      }
      await forget(folder, numbers, mine);
      return { number: mine, release: () => writeOver(folder, mine, { ...content, released: true }) };
    }
  } catch (error) {
    throw asWriteError(error, folder);
  }
  throw new AirgapError('LOCKED', 'the lock of this host kept changing hands while it was being taken');
}

/** Who holds the lock now: undefined when nobody does or the holder is provably gone. */
export async function hostLockHolder(
  folder: string,
): Promise<{ readonly runId: string; readonly since: string; readonly pid: number } | undefined> {
  const newest = (await listNumbers(folder)).at(-1);
  const file = newest === undefined ? undefined : await readLock(folder, newest);
  if (file === undefined || file.released || (await livenessOf(file)) === 'gone') return undefined;
  return { runId: file.runId, since: file.since, pid: file.pid };
}

async function mayReplace(folder: string, number: number, options: HostLockOptions): Promise<void> {
  const file = await readLock(folder, number);
  // Cleaned away in the meantime, or cut short by a power loss: the next look, or the taking itself, decides.
  if (file === undefined || file.released) return;
  const liveness = await livenessOf(file);
  if (liveness === 'gone') return;
  if (liveness === 'unknown' && options.takeover === file.runId) return;
  const where = liveness === 'unknown' ? ` on host ${file.host}, which cannot be seen from here` : '';
  throw new AirgapError('LOCKED', `run ${file.runId} is at work since ${file.since}`, {
    expected: 'no other run at work on this cluster',
    found: `process ${file.pid}${where}: ${file.purpose}`,
    hint:
      liveness === 'unknown'
        ? `wait for it; if it is surely gone, run the same command with --takeover=${file.runId}`
        : 'wait for it: airgap status',
  });
}

/** Makes the file whole under another name, then gives it its number: both or neither are seen. */
async function place(folder: string, number: number, content: LockFile): Promise<boolean> {
  const temporary = await writeTemporary(folder, content);
  try {
    await link(temporary, fileOf(folder, number));
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeOver(folder: string, number: number, content: LockFile): Promise<void> {
  const temporary = await writeTemporary(folder, content);
  await rename(temporary, fileOf(folder, number));
}

async function writeTemporary(folder: string, content: LockFile): Promise<string> {
  const path = join(folder, `.${randomBytes(8).toString('hex')}.tmp`);
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(JSON.stringify(content));
  } finally {
    await file.close();
  }
  return path;
}

/** The successor is looked for by name as well: reading a folder while it changes may miss an entry. */
async function isNewest(folder: string, mine: number): Promise<boolean> {
  const successor = await stat(fileOf(folder, mine + 1)).then(
    () => true,
    () => false,
  );
  return !successor && (await listNumbers(folder)).at(-1) === mine;
}

async function forget(folder: string, numbers: readonly number[], mine: number): Promise<void> {
  for (const number of numbers) {
    if (number < mine - KEPT) await rm(fileOf(folder, number), { force: true });
  }
}

async function readLock(folder: string, number: number): Promise<LockFile | undefined> {
  try {
    return JSON.parse(await readFile(fileOf(folder, number), 'utf8')) as LockFile;
  } catch (error) {
    if (error instanceof SyntaxError || systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function listNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  });
  const numbers = names
    .map((name) => /^lock\.([1-9][0-9]*)$/.exec(name)?.[1])
    .filter((text) => text !== undefined);
  return numbers.map(Number).sort((a, b) => a - b);
}

function fileOf(folder: string, number: number): string {
  return join(folder, `lock.${number}`);
}
