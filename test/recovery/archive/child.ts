// Writes a backup from the outside: argv OUTPUT MODE. `endless` goes on until it is killed; `large` writes 1 GiB and
// prints the most memory it ever had, in MiB.
import { generateIdentity } from '../../../src/recovery/archive/age/keys.js';
import { openBackup } from '../../../src/recovery/archive/open.js';
import { createBackupWriter } from '../../../src/recovery/archive/writer.js';
import { verifyBackup } from '../../../src/recovery/verify.js';
import { FACTS } from './helpers.js';

const [output, mode] = process.argv.slice(2) as [string, string];
const piece = Buffer.alloc(64 * 1024, 'airgap');
const GIB = 1024 * 1024 * 1024;

async function* bytes(total: number): AsyncGenerator<Buffer> {
  for (let done = 0; done < total; done += piece.length) {
    if (done % (1 << 23) === 0) await new Promise((resolve) => setImmediate(resolve));
    if (mode === 'endless' && done === 1 << 25) process.stdout.write('writing\n');
    yield Buffer.from(piece);
  }
}

const identity = generateIdentity();
const writer = await createBackupWriter(output, {
  encryption: { kind: 'recipients', recipients: [identity.recipient] },
});
await writer.addStream('volumes/data.tar', bytes(mode === 'endless' ? 40 * GIB : GIB), { role: 'volume' });
await writer.finish(FACTS);
const written = process.resourceUsage().maxRSS / 1024;
const backup = await openBackup(output, { identities: [identity.secret] });
const report = await verifyBackup(backup, { env: {} });
await backup.close();
process.stdout.write(
  `${JSON.stringify({ ok: report.ok, written, verified: process.resourceUsage().maxRSS / 1024 })}\n`,
);
