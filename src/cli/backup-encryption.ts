import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AirgapError } from '../errors.js';
import type { Encryption } from '../recovery/archive/encryption.js';
import type { CliContext } from './context.js';
import { readPassphrase } from './passphrase.js';

/** For whom a backup is encrypted. */
export interface RecipientFlags {
  readonly recipient: readonly string[];
  readonly recipientsFile?: string;
  readonly passphraseFile?: string;
  readonly plain?: boolean;
}

const several = (value: string, all: readonly string[]): readonly string[] => [
  ...all,
  ...value.split(',').map((word) => word.trim()),
];

export function addRecipientOptions(command: Command): Command {
  return command
    .option('--recipient <age1…>', 'encrypt for this age key; may be repeated', several, [])
    .option('--recipients-file <file>', 'encrypt for the keys of this file')
    .option('--passphrase-file <file>', 'encrypt with the passphrase of this file (- for stdin)')
    .option('--plain', 'do not encrypt: whoever can read the file has every password and key of the product');
}

/** @throws AirgapError USAGE, BACKUP_KEY, FILE_NOT_FOUND */
export async function encryptionOf(
  flags: RecipientFlags,
  context: CliContext,
): Promise<Encryption | 'fresh'> {
  const ways = [flags.plain === true, flags.passphraseFile !== undefined, hasRecipients(flags)];
  if (ways.filter(Boolean).length > 1) {
    throw new AirgapError('USAGE', 'the backup can be encrypted in one way only', {
      expected: 'one of --recipient, --passphrase-file and --plain',
    });
  }
  if (flags.plain) return { kind: 'plain' };
  if (flags.passphraseFile !== undefined)
    return { kind: 'passphrase', passphrase: await readPassphrase(flags.passphraseFile, context) };
  if (!hasRecipients(flags)) return 'fresh';
  const { parseRecipientFile } = await import('../recovery/archive/age/keys.js');
  const named =
    flags.recipient.length === 0 ? [] : parseRecipientFile(flags.recipient.join('\n'), '--recipient');
  return { kind: 'recipients', recipients: [...named, ...(await fromFile(flags, context))] };
}

function hasRecipients({ recipient, recipientsFile }: RecipientFlags): boolean {
  return recipient.length > 0 || recipientsFile !== undefined;
}

async function fromFile({ recipientsFile }: RecipientFlags, { cwd }: CliContext): Promise<string[]> {
  if (recipientsFile === undefined) return [];
  const { parseRecipientFile } = await import('../recovery/archive/age/keys.js');
  const path = resolve(cwd, recipientsFile);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new AirgapError('FILE_NOT_FOUND', `${path} cannot be read`, { cause });
  });
  return parseRecipientFile(text, path);
}
