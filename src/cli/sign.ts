import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError } from '../errors.js';
import type { CliContext, Verb } from './context.js';
import { readPassphrase } from './passphrase.js';

interface SignFlags {
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly attach?: string;
  readonly detached?: boolean;
}

const HELP = `
Examples:
  airgap sign runai-air-gapped-2.13.66.tar --key vendor.key --passphrase-file pass.txt

  # the host with the key sees nothing but airgap.json
  tar xOf runai-air-gapped-2.13.66.tar airgap.json > airgap.json
  airgap sign airgap.json --detached --key vendor.key --passphrase-file pass.txt > airgap.json.minisig
  airgap sign runai-air-gapped-2.13.66.tar --attach airgap.json.minisig`;

/** `sign`: puts a signature into a bundle, or makes one apart from it. */
export const signVerb: Verb = (program, context) => {
  program
    .command('sign')
    .argument('<file>', 'bundle; with --detached its airgap.json')
    .summary('sign a bundle in place (minisign format)')
    .option('--key <file>', 'secret key of keygen or minisign')
    .option('--passphrase-file <file>', 'passphrase of the key; - reads stdin')
    .option('--attach <file>', 'put in a signature that was made elsewhere')
    .option('--detached', 'sign an airgap.json and write the signature to stdout')
    .addHelpText('after', HELP)
    .action((file: string, flags: SignFlags) => sign(file, flags, context));
};

async function sign(file: string, flags: SignFlags, context: CliContext): Promise<void> {
  if ((flags.key === undefined) === (flags.attach === undefined) || (flags.detached && flags.attach)) {
    throw new AirgapError('USAGE', 'what is the bundle to be signed with?', {
      expected: '--key FILE (also with --detached), or --attach FILE',
    });
  }
  const { signBundle, signManifest } = await import('../bundle/sign.js');
  const path = resolve(context.cwd, file);
  if (flags.detached) {
    const bytes = await readNamed(path);
    context.stdout.write(signManifest(bytes, await openKey(flags, context), context.version));
    return;
  }
  const signer =
    flags.attach === undefined
      ? { key: await openKey(flags, context) }
      : { signature: (await readNamed(resolve(context.cwd, flags.attach))).toString('utf8') };
  const report = await signBundle(path, signer, { toolVersion: context.version });
  const lines = [
    `signed: ${file}`,
    `  bundle id  ${report.bundleId}`,
    `  keys       ${report.keyIds.join(', ')}`,
    `  comment    ${report.trustedComment}`,
  ];
  context.stdout.write(`${lines.join('\n')}\n`);
}

async function openKey(flags: SignFlags, context: CliContext) {
  const { openSecretKey } = await import('../bundle/keys.js');
  const text = (await readNamed(resolve(context.cwd, flags.key ?? ''))).toString('utf8');
  return openSecretKey(text, async () => {
    if (flags.passphraseFile !== undefined) return readPassphrase(flags.passphraseFile, context);
    throw new AirgapError('USAGE', 'the secret key is encrypted', { expected: '--passphrase-file FILE' });
  });
}

async function readNamed(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    throw new AirgapError('FILE_NOT_FOUND', `${path} cannot be read`, { cause: error });
  });
}
