import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { CliContext, Verb } from './context.js';
import { addTrustOptions, readTrust, type TrustFlags } from './trust.js';

interface InspectFlags extends TrustFlags {
  readonly output: 'text' | 'json';
  readonly base?: string;
}

/** `inspect`: what a bundle holds. */
export const inspectVerb: Verb = (program, context) => {
  const command: Command = program
    .command('inspect')
    .argument('<file>', 'bundle, or any of its parts')
    .summary('show product, charts, CRDs, images and sizes of a bundle')
    .description(
      'Reads the manifest and the image manifests of a bundle. Its layers are not read: see verify.',
    )
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'))
    .option('--base <file>', 'for a delta bundle: the older bundle it builds on');
  addTrustOptions(command).action((file: string, flags: InspectFlags) => inspect(file, flags, context));
};

async function inspect(file: string, flags: InspectFlags, context: CliContext): Promise<void> {
  const [{ openBundle }, { inspectBundle }, trust] = await Promise.all([
    import('../bundle/open.js'),
    import('../bundle/inspect.js'),
    readTrust(flags, context),
  ]);
  const options = { signal: context.signal };
  const base =
    flags.base === undefined ? undefined : await openBundle(resolve(context.cwd, flags.base), options);
  try {
    const bundle = await openBundle(resolve(context.cwd, file), {
      ...options,
      ...(trust ? { trust } : {}),
      ...(base ? { base } : {}),
    });
    try {
      const report = await inspectBundle(bundle);
      const text =
        flags.output === 'json'
          ? `${JSON.stringify(report, null, 2)}\n`
          : (await import('../term/inspect.js')).formatInspect(report);
      context.stdout.write(text);
    } finally {
      await bundle.close();
    }
  } finally {
    await base?.close();
  }
}
