import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isAirgapError } from '../../src/errors.js';
import { acquireHostLock } from '../../src/run/host-lock.js';

/** One of two processes that race for locks; it answers `won`, `lost`, or `both` when it met the other inside. */
const [folder = ''] = process.argv.slice(2);
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const race = line.slice(3);
  process.stdout.write(`${await compete(join(folder, race))}\n`);
}

async function compete(place: string): Promise<string> {
  try {
    const lock = await acquireHostLock({
      folder: place,
      runId: `run-${process.pid}`,
      purpose: 'race',
      now: Date.now,
    });
    const witness = join(place, '..', `${place.split('/').at(-1)}.inside`);
    try {
      closeSync(openSync(witness, 'wx'));
    } catch {
      return 'both';
    }
    await new Promise((resolve) => setImmediate(resolve));
    rmSync(witness);
    await lock.release();
    return 'won';
  } catch (error) {
    if (isAirgapError(error, 'LOCKED')) return 'lost';
    throw error;
  }
}
