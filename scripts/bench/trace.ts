import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { run } from './measure.js';

/** Calls that put bytes into a file; strace -y shows the path of the descriptor. */
const CALLS = 'write,writev,pwrite64,pwritev,pwritev2,ftruncate,fallocate,copy_file_range,sendfile';

/** Runs a command under strace and gives the bytes that it and its children wrote into each regular file. */
export async function writtenFiles(argv: readonly string[], log: string): Promise<Map<string, number>> {
  await run([
    'strace',
    '-f',
    '-y',
    '-s',
    '0',
    '-e',
    `trace=${CALLS}`,
    '-e',
    'signal=none',
    '-o',
    log,
    ...argv,
  ]);
  const written = new Map<string, number>();
  const lines = createInterface({ input: createReadStream(log) });
  const pending = new Map<string, string>();
  for await (const line of lines) {
    const whole = joinSplit(line, pending);
    const found = whole && writeOf(whole);
    if (found) written.set(found.path, (written.get(found.path) ?? 0) + found.bytes);
  }
  await rm(log, { force: true });
  return written;
}

/** A call that another thread interrupted stands on two lines. */
function joinSplit(line: string, pending: Map<string, string>): string | undefined {
  const thread = line.split(' ', 1)[0] ?? '';
  if (line.includes('<unfinished ...>')) {
    pending.set(thread, line);
    return undefined;
  }
  if (!line.includes(' resumed>')) return line;
  const start = pending.get(thread)?.replace(/<unfinished \.\.\.>.*$/, '') ?? '';
  pending.delete(thread);
  return start + line.slice(line.indexOf(' resumed>') + ' resumed>'.length);
}

function writeOf(line: string): { path: string; bytes: number } | undefined {
  const call = /^\d+\s+(\w+)\(\d+<(\/[^>]*)>.* = (-?\d+)/.exec(line);
  if (!call) return undefined;
  const [, name, path, result] = call as unknown as [string, string, string, string];
  if (/^\/(dev|proc)\//.test(path)) return undefined;
  const sized = name === 'ftruncate' || name === 'fallocate';
  const bytes = sized ? Number(/(\d+)\) += /.exec(line)?.[1] ?? 0) : Number(result);
  return bytes > 0 ? { path: path.replace(/ \(deleted\)$/, ''), bytes } : undefined;
}
