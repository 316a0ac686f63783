import { Option } from 'commander';
import { AirgapError } from '../errors.js';
import type { CliContext, Verb } from './context.js';
import { addPackOptions, commonPackOptions, type PackFlags } from './pack-options.js';

interface Flags extends PackFlags {
  readonly output: string;
  readonly locked?: boolean;
  readonly dryRun?: boolean;
  readonly split?: string;
  readonly base?: string;
  readonly format: 'text' | 'json';
}

const HELP = `
Examples:
  airgap pack bundles/runai.yaml -o runai-air-gapped-2.13.66.tar
  airgap pack bundles/runai.yaml -o out.tar --dry-run             what would be packed, and why
  airgap pack bundles/runai.yaml -o out.tar --locked              exactly what the lock says
  airgap pack bundles/runai.yaml -o out.tar --split 4000MB        parts for FAT32; cat joins them
  airgap pack bundles/runai.yaml -o new.tar --base old.tar        only what the older bundle lacks

A broken pack leaves OUTPUT.partial; the same command goes on with it.`;

/** `airgap pack`: charts, CRDs, images and tools of a release in one file. */
export const packVerb: Verb = (program, context) => {
  const command = program
    .command('pack')
    .summary('pack a release into one file')
    .description(
      'Packs charts, CRDs, images and tools that a spec names into one verifiable, reproducible tar.',
    )
    .argument('<spec>', 'the spec, a YAML file')
    .requiredOption('-o, --output <file>', 'the bundle')
    .option('--locked', 'pack exactly what the lock says; fail when it no longer fits')
    .option('--dry-run', 'print the plan; fetch no layer, write nothing')
    .option('--split <size>', 'write parts of this size: 4000MB, 4GiB, or bytes')
    .option('--base <file>', 'an older bundle; carry only what it lacks')
    .addOption(new Option('--format <format>', 'of the report').choices(['text', 'json']).default('text'));
  addPackOptions(command)
    .addHelpText('after', HELP)
    .action((spec: string, flags: Flags) => run(spec, flags, context));
};

async function run(spec: string, flags: Flags, context: CliContext): Promise<void> {
  const options = commonPackOptions(spec, flags, context);
  const split = flags.split === undefined ? undefined : parseSize(flags.split);
  const [{ pack }, { formatPackReport }] = await Promise.all([
    import('../pack/index.js'),
    import('../term/pack.js'),
  ]);
  const report = await pack({
    ...options,
    output: flags.output,
    mode: flags.locked ? 'locked' : 'refresh',
    ...(flags.dryRun ? { dryRun: true } : {}),
    ...(split === undefined ? {} : { split }),
    ...(flags.base === undefined ? {} : { base: flags.base }),
  });
  context.stdout.write(
    flags.format === 'json' ? `${JSON.stringify(report, null, 2)}\n` : formatPackReport(report),
  );
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
};

/** 4000MB, 4GiB, 4294967295 -> bytes. @throws AirgapError USAGE */
export function parseSize(text: string): number {
  const match = /^(\d{1,15})\s*([KMG]i?B)?$/i.exec(text.trim());
  const bytes = Number(match?.[1]) * (UNITS[(match?.[2] ?? '').toUpperCase()] ?? 1);
  if (match && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new AirgapError('USAGE', `${text} is no size`, {
    expected: 'bytes, or a number with KB, MB, GB, KiB, MiB, GiB',
  });
}
