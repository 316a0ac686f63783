import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { systemCode } from '../errors.js';

/** What tells one process on one boot of one host from every other. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process (field 22 of /proc/PID/stat); empty where there is no /proc. */
  readonly startTicks: string;
  readonly bootId: string;
  readonly host: string;
  /** The PID namespace: a pid means nothing in another one. */
  readonly pidNamespace: string;
}

export type Liveness = 'alive' | 'gone' | 'unknown';

/** Identity of a process of this host; of this process by default. */
export async function identifyProcess(pid: number = process.pid): Promise<ProcessIdentity> {
  return {
    pid,
    startTicks: (await readStat(pid))?.startTicks ?? '',
    bootId: (await readText('/proc/sys/kernel/random/boot_id')) ?? '',
    host: hostname(),
    pidNamespace: await readlink('/proc/self/ns/pid').catch(() => ''),
  };
}

/**
 * Whether the process still runs. `gone` only when that is certain: another boot of this host, no such pid,
 * or the pid belongs to a process that started at another time. Another host or PID namespace is `unknown`.
 */
export async function livenessOf(other: ProcessIdentity): Promise<Liveness> {
  const self = await identifyProcess();
  if (other.host !== self.host) return 'unknown';
  if (other.bootId !== '' && self.bootId !== '' && other.bootId !== self.bootId) return 'gone';
  if (other.pidNamespace !== self.pidNamespace) return 'unknown';
  if (!existsInTable(other.pid)) return 'gone';
  const stat = await readStat(other.pid);
  if (stat === undefined) return self.startTicks === '' ? 'alive' : 'gone';
  if (stat.state === 'Z' || stat.state === 'X') return 'gone';
  return other.startTicks === '' || stat.startTicks === other.startTicks ? 'alive' : 'gone';
}

function existsInTable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

async function readStat(pid: number): Promise<{ state: string; startTicks: string } | undefined> {
  const text = await readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The program's name, in brackets, may hold anything: fields count from the last bracket.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTicks: fields[19] ?? '' };
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}
