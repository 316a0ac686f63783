import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError, isAirgapError } from '../errors.js';
import type { CliContext, Verb } from './context.js';
import { addTrustOptions, readTrust, type TrustFlags } from './trust.js';

interface VerifyFlags extends TrustFlags {
  readonly output: 'text' | 'json';
  readonly concurrency?: string;
}

const HELP = `
Examples:
  airgap verify runai-air-gapped-2.13.66.tar
  airgap verify runai-air-gapped-2.13.66.tar.001          any part stands for the whole set
  airgap verify FILE --trusted-keys ./keys -o json

Without airgap: tar xf FILE && sha256sum -c SHA256SUMS`;

/** `verify`: every byte of a bundle. */
export const verifyVerb: Verb = (program, context) => {
  const command: Command = program
    .command('verify')
    .argument('<file>', 'bundle, or any of its parts')
    .summary('check every byte of a bundle, and its signature')
    .description('Checks every byte of a bundle and lists all faults. Nothing is extracted or written.')
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'))
    .option('--concurrency <count>', 'threads that hash')
    .addHelpText('after', HELP);
  addTrustOptions(command).action((file: string, flags: VerifyFlags) => verify(file, flags, context));
};

async function verify(file: string, flags: VerifyFlags, context: CliContext): Promise<void> {
  const { emit, stdout } = context;
  const threads = parseThreads(flags.concurrency);
  const trust = await readTrust(flags, context);
  const { verifyFile, requireOk } = await import('../bundle/verify.js');
  emit({ type: 'stage-started', stage: 'verify', title: file });
  const report = await verifyFile(resolve(context.cwd, file), {
    signal: context.signal,
    onProgress: (done, total) => emit({ type: 'progress', stage: 'verify', done, total, unit: 'bytes' }),
    ...(trust ? { trust } : {}),
    ...threads,
  }).catch((error: unknown) => {
    emit({ type: 'stage-ended', stage: 'verify', outcome: 'failed' });
    if (flags.output === 'json' && isAirgapError(error)) print(refusal(file, error), context);
    throw error;
  });
  emit({ type: 'stage-ended', stage: 'verify', outcome: report.ok ? 'ok' : 'failed' });
  if (flags.output === 'json') print(report, context);
  else if (report.ok) stdout.write((await import('../term/verify.js')).formatVerify(report));
  requireOk(report);
}

function print(value: unknown, { stdout }: CliContext): void {
  stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** The report on a file that could not even be opened as a bundle: the same keys as far as they are known. */
function refusal(path: string, error: AirgapError) {
  const { code, message: what, expected, found } = error;
  const own = { where: path, what, ...(expected ? { expected } : {}), ...(found ? { found } : {}) };
  return { ok: false, path, code, faults: error.faults.length > 0 ? error.faults : [own] };
}

/** A whole number from 1 on. @throws AirgapError USAGE */
function parseThreads(text: string | undefined): { readonly concurrency?: number } {
  if (text === undefined) return {};
  const concurrency = Number(text);
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 64) return { concurrency };
  throw new AirgapError('USAGE', `--concurrency ${text} is no number of threads`, { expected: '1 to 64' });
}
