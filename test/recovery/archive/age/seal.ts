import { randomBytes } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Unlock } from '../../../../src/recovery/archive/age/unlock.js';
import { createSeal } from '../../../../src/recovery/archive/encryption.js';
import { sealingSink } from '../../../../src/recovery/archive/sink.js';
import { openBackupFile, openTar } from '../../../../src/recovery/archive/source.js';

/** An age file of any bytes, made by the code that backups are made with. */
export async function sealedBytes(bytes: Buffer, recipient: string): Promise<Buffer> {
  const path = join(tmpdir(), `airgap-seal-${randomBytes(6).toString('hex')}`);
  const file = await open(path, 'wx', 0o600);
  try {
    const sink = sealingSink(file, await createSeal({ kind: 'recipients', recipients: [recipient] }));
    for (let at = 0; at < bytes.length; at += 50_000) await sink.write(bytes.subarray(at, at + 50_000));
    await sink.end();
    return await readFile(path);
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

/** The plaintext of an age file, whatever it is. */
export async function plainOf(path: string, unlock: Unlock): Promise<Buffer> {
  const file = await openBackupFile(path);
  try {
    const tar = await openTar(file, unlock);
    return await tar.read(0, tar.size);
  } finally {
    await file.bytes.close();
  }
}
