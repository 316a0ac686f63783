// node --import tsx test/bench/backup.ts [MiB]: MB/s of writing and verifying backups, by the clock and by the time
// that the processor spent (what one core of an idle machine would do).
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity } from '../../src/recovery/archive/age/keys.js';
import type { Encryption } from '../../src/recovery/archive/encryption.js';
import { openBackup } from '../../src/recovery/archive/open.js';
import { createBackupWriter } from '../../src/recovery/archive/writer.js';
import { verifyBackup } from '../../src/recovery/verify.js';
import { FACTS, noise } from '../recovery/archive/helpers.js';

const size = Number(process.argv[2] ?? 512) * 1024 * 1024;
const block = noise(64 * 1024, 'bench');
const folder = await mkdtemp(join(tmpdir(), 'airgap-bench-'));
const { secret, recipient } = generateIdentity();

try {
  await run('plain', { kind: 'plain' });
  await run('age', { kind: 'recipients', recipients: [recipient] });
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function run(name: string, encryption: Encryption): Promise<void> {
  const path = join(folder, name);
  await measure(`${name} write`, async () => {
    const writer = await createBackupWriter(path, { encryption });
    await writer.addStream('volume.tar', source(), { role: 'volume' });
    await writer.finish(FACTS);
  });
  const backup = await openBackup(path, { identities: [secret] });
  await measure(`${name} verify`, async () => {
    const report = await verifyBackup(backup, { env: {} });
    if (!report.ok) throw new Error('the backup is not right');
  });
  await measure(`${name} stream`, async () => {
    let seen = 0;
    for await (const piece of backup.stream('volume.tar') as AsyncIterable<Buffer>) seen += piece.length;
    if (seen !== size) throw new Error('the stream is not whole');
  });
  await backup.close();
  console.log(`${name} file: ${(await stat(path)).size} bytes`);
}

async function* source(): AsyncGenerator<Buffer> {
  for (let done = 0; done < size; done += block.length) yield block;
}

async function measure(what: string, work: () => Promise<void>): Promise<void> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const rate = (milliseconds: number): string => `${Math.round(size / 1000 / milliseconds)} MB/s`;
  console.log(
    `${what.padEnd(14)} ${rate(wall).padStart(10)} by the clock, ${rate((user + system) / 1000).padStart(10)} a core, ` +
      `${rate(user / 1000).padStart(10)} without the system's part`,
  );
}
