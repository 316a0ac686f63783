import { randomBytes } from 'node:crypto';
import { link, open, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { AirgapError, systemCode } from '../errors.js';
import { asWriteError } from '../io/atomic.js';

/** Who holds a lock. A process id alone may have been given to another process since. */
interface Holder {
  readonly pid: number;
  /** Clock ticks after boot at which the process started; empty where /proc does not tell. */
  readonly started: string;
  readonly boot: string;
  readonly host: string;
}

interface Wanted {
  readonly path: string;
  /** What writes outputs of this kind. */
  readonly who: string;
}

export interface OutputLock {
  release(): Promise<void>;
}

/**
 * Takes PATH.lock, so that two packs never write one output. A lock whose holder is gone (other boot, no such process)
 * is taken over; one from another host is honoured.
 * @param who what the other one would be, for the message
 * @throws AirgapError LOCKED, OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function lockOutput(path: string, who = 'pack'): Promise<OutputLock> {
  const lock = `${path}.lock`;
  const mine = JSON.stringify(await identity(process.pid));
  for (let attempt = 0; attempt < 20; attempt++) {
    if (await create(lock, mine, path)) return { release: () => release(lock, mine) };
    await clearStale(lock, { path, who });
  }
  throw locked({ path, who }, 'processes that come and go');
}

/** The file appears whole or not at all: written under another name, then linked. */
async function create(lock: string, content: string, path: string): Promise<boolean> {
  const temporary = `${lock}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    await file.writeFile(content);
    await file.close();
    await link(temporary, lock);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw asWriteError(error, path);
  } finally {
    // Where there is no such folder this fails too, and must not hide the first fault.
    await rm(temporary, { force: true }).catch(() => {});
  }
}

/** Moves a dead holder's file away; a rename of one inode succeeds for one process only. */
async function clearStale(lock: string, wanted: Wanted): Promise<void> {
  const seen = await stat(lock).catch(() => undefined);
  const text = await readFile(lock, 'utf8').catch(() => undefined);
  if (!seen || text === undefined) return;
  const holder = parseHolder(text);
  if (!holder || (await isAlive(holder)))
    throw locked(wanted, holder ? describe(holder) : 'an unreadable lock file');
  const aside = `${lock}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(lock, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw asWriteError(error, wanted.path);
  }
  const moved = await stat(aside);
  if (moved.ino !== seen.ino) await link(aside, lock).catch(() => {});
  await unlink(aside);
}

async function release(lock: string, mine: string): Promise<void> {
  const text = await readFile(lock, 'utf8').catch(() => undefined);
  if (text === mine) await rm(lock, { force: true });
}

async function identity(pid: number): Promise<Holder> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return { pid, started: (await startOf(pid)) ?? '', boot: boot.trim(), host: hostname() };
}

/** Field 22 of /proc/PID/stat, counted after the command name, which may hold anything. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

async function isAlive(holder: Holder): Promise<boolean> {
  const here = await identity(holder.pid);
  if (holder.host !== here.host) return true;
  if (holder.boot !== here.boot) return false;
  if (holder.started !== '') return here.started === holder.started;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder>;
    return Number.isInteger(value.pid) ? (value as Holder) : undefined;
  } catch {
    return undefined;
  }
}

function describe({ pid, host }: Holder): string {
  return `process ${pid} on ${host}`;
}

function locked({ path, who }: Wanted, holder: string): AirgapError {
  return new AirgapError('LOCKED', `another ${who} is writing ${path}`, {
    found: holder,
    hint: `wait for it, or choose another output; if nothing runs there any more, remove ${path}.lock`,
  });
}
