import { resolve } from 'node:path';
import { Option } from 'commander';
import type { CliContext, Verb } from './context.js';

interface DiffFlags {
  readonly output: 'text' | 'json';
}

/** `diff`: what a newer bundle adds, removes and changes. */
export const diffVerb: Verb = (program, context) => {
  program
    .command('diff')
    .argument('<older>', 'bundle that the site has')
    .argument('<newer>', 'bundle that is to come')
    .summary('compare two bundles: images, charts, CRDs, bytes to move')
    .description(
      'Compares two bundles by their manifests. No blob is read. Ends with 0 also when they differ.',
    )
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'))
    .action((older: string, newer: string, flags: DiffFlags) => diff([older, newer], flags, context));
};

async function diff(files: readonly [string, string], flags: DiffFlags, context: CliContext): Promise<void> {
  const [{ openBundle }, { diffBundles }] = await Promise.all([
    import('../bundle/open.js'),
    import('../bundle/diff.js'),
  ]);
  const older = await openBundle(resolve(context.cwd, files[0]), { signal: context.signal });
  try {
    const newer = await openBundle(resolve(context.cwd, files[1]), { signal: context.signal });
    try {
      const result = diffBundles(older, newer);
      const text =
        flags.output === 'json'
          ? `${JSON.stringify(result, null, 2)}\n`
          : (await import('../term/diff.js')).formatDiff(result);
      context.stdout.write(text);
    } finally {
      await newer.close();
    }
  } finally {
    await older.close();
  }
}
