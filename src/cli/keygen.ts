import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError, systemCode } from '../errors.js';
import { asWriteError } from '../io/atomic.js';
import type { CliContext, Verb } from './context.js';
import { readPassphrase } from './passphrase.js';

interface KeygenFlags {
  readonly secretKey: string;
  readonly publicKey: string;
  readonly passphraseFile?: string;
  readonly plain?: boolean;
}

const HELP = `
Examples:
  airgap keygen --secret-key vendor.key --public-key vendor.pub --passphrase-file pass.txt
  airgap keygen --secret-key ci.key --public-key ci.pub --plain

Both files are as minisign writes them. Bring the public key to the site through another channel than the bundle.`;

/** `keygen`: a pair of keys for signing bundles. */
export const keygenVerb: Verb = (program, context) => {
  program
    .command('keygen')
    .summary('make a pair of keys for signing bundles (minisign format)')
    .requiredOption('--secret-key <file>', 'where the secret key goes, mode 0600')
    .requiredOption('--public-key <file>', 'where the public key goes')
    .option('--passphrase-file <file>', 'encrypt the secret key with this passphrase; - reads stdin')
    .option('--plain', 'store the secret key in clear')
    .addHelpText('after', HELP)
    .action((flags: KeygenFlags) => keygen(flags, context));
};

async function keygen(flags: KeygenFlags, context: CliContext): Promise<void> {
  if ((flags.passphraseFile === undefined) === !flags.plain) {
    throw new AirgapError('USAGE', 'how is the secret key to be stored?', {
      expected: 'either --passphrase-file FILE or --plain',
    });
  }
  const passphrase =
    flags.passphraseFile === undefined ? undefined : await readPassphrase(flags.passphraseFile, context);
  const [{ generateKeyPair }, { formatPublicKey }] = await Promise.all([
    import('../bundle/keys.js'),
    import('../bundle/minisign.js'),
  ]);
  const { publicKey, secretText } = await generateKeyPair(passphrase);
  await writeNew(resolve(context.cwd, flags.secretKey), secretText, 0o600);
  await writeNew(resolve(context.cwd, flags.publicKey), formatPublicKey(publicKey), 0o644);
  context.stdout.write(`${publicKey.id}\n`);
}

/** Never over a key that is there: it may be the only copy. */
async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    const file = await open(path, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw asWriteError(error, path);
    throw new AirgapError('OUTPUT_UNWRITABLE', `${path} is there already`, {
      hint: 'choose another name; a key is never overwritten',
    });
  }
}
