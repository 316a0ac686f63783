import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generateIdentity, writeIdentityFile } from './archive/age/keys.js';
import { createBackup } from './create.js';
import { CHOICES } from './create-types.js';
import type { RestoreOptions } from './restore-types.js';

/** Its name in the run's folder. */
export const SAFETY_BACKUP = 'before-restore.backup';
/** Names of the keys beside it. */
export const SAFETY_KEY = /^before-restore-[0-9a-f]+\.key$/;

/** A backup of what is there, for a key of its own beside it. */
export async function takeSafetyBackup(path: string, options: RestoreOptions): Promise<void> {
  const { clock, random, emit } = options;
  const identity = generateIdentity();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const keyFile = join(dirname(path), `before-restore-${random(4).toString('hex')}.key`);
  await writeIdentityFile(keyFile, identity, new Date(clock.now()).toISOString());
  await createBackup({
    client: options.installer.client,
    output: path,
    encryption: { kind: 'recipients', recipients: [identity.recipient], identity: identity.secret },
    choices: new Set(CHOICES),
    toolVersion: options.toolVersion,
    ...(options.helperImage === undefined ? {} : { helperImage: options.helperImage }),
    env: options.env,
    now: clock.now,
    random,
    emit,
    signal: options.signal,
  });
  const text = `what was there is saved in ${path}, its key in ${keyFile}`;
  emit({ type: 'note', level: 'warn', text });
}
