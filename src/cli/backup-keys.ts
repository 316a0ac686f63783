import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AirgapError } from '../errors.js';
import type { Unlock } from '../recovery/archive/age/unlock.js';
import type { CliContext } from './context.js';
import { readPassphrase } from './passphrase.js';

export interface UnlockFlags {
  readonly identity?: readonly string[];
  readonly passphraseFile?: string;
}

/** Options of every command that reads a backup. */
export function addUnlockOptions(command: Command): Command {
  return command
    .option('--identity <file...>', 'age identity files, one of which opens the backup')
    .option('--passphrase-file <file>', 'file with the passphrase of the backup; - reads stdin');
}

/** @throws AirgapError FILE_NOT_FOUND, USAGE, BACKUP_KEY */
export async function readUnlock(flags: UnlockFlags, context: CliContext): Promise<Unlock> {
  const { parseIdentityFile } = await import('../recovery/archive/age/keys.js');
  const identities: string[] = [];
  for (const name of flags.identity ?? []) {
    const path = resolve(context.cwd, name);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw new AirgapError('FILE_NOT_FOUND', `${path} cannot be read`, { cause: error });
    });
    identities.push(...parseIdentityFile(text, path));
  }
  return {
    identities,
    ...(flags.passphraseFile === undefined
      ? {}
      : { passphrase: await readPassphrase(flags.passphraseFile, context) }),
  };
}
