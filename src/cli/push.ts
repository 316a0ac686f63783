import { resolve } from 'node:path';
import { Option } from 'commander';
import type { CliContext, Verb } from './context.js';
import { addRegistryOptions, type RegistryFlags, registryChoice } from './registry-options.js';
import { addTrustOptions, readTrust, type TrustFlags } from './trust.js';

interface Flags extends RegistryFlags, TrustFlags {
  readonly base?: string;
  readonly dryRun?: boolean;
  readonly keepTags?: boolean;
  readonly output: 'text' | 'json';
}

const HELP = `
Examples:
  airgap push runai-air-gapped-2.13.66.tar --registry registry.site:5000
  airgap push runai-air-gapped-2.13.66.tar --registry 10.0.0.5:5000/mirror --plain-http --dry-run

What is there already is not sent again; a broken push goes on with the same command.`;

/** `push`: the images of a bundle into a registry, straight from the file. */
export const pushVerb: Verb = (program, context) => {
  const command = program
    .command('push')
    .argument('<file>', 'bundle, or the first of its parts')
    .summary('push the images of a bundle to a registry')
    .description(
      'Sends each blob once, checked in the stream that carries it; mounts it where other repositories need it; tags last, and reads all back.',
    );
  addTrustOptions(addRegistryOptions(command))
    .option('--base <file>', 'the older bundle that a delta bundle builds on')
    .option('--keep-tags', 'fail instead of moving a tag that stands for something else')
    .option('--dry-run', 'say what is missing and send nothing')
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'))
    .addHelpText('after', HELP)
    .action((file: string, flags: Flags) => push(file, flags, context));
};

async function push(file: string, flags: Flags, context: CliContext): Promise<void> {
  const { emit, signal, env, cwd, stdout } = context;
  const trust = await readTrust(flags, context);
  const choice = registryChoice(flags, context);
  const [{ openChosen }, { chooseRegistry }, stage, term] = await Promise.all([
    import('../install/open-bundle.js'),
    import('../install/open-registry.js'),
    import('../install/push.js'),
    import('../term/push.js'),
  ]);
  const bundle = await openChosen(
    {
      file: resolve(cwd, file),
      ...(flags.base === undefined ? {} : { base: resolve(cwd, flags.base) }),
      ...(trust === undefined ? {} : { trust }),
    },
    { emit, signal },
  );
  try {
    const registry = await chooseRegistry(choice, {}, { around: { env, emit, signal }, bundle });
    try {
      await registry.client.ping({ signal });
      const place = registry.address.text;
      const json = (value: object): void =>
        void stdout.write(`${JSON.stringify({ registry: place, ...value }, null, 2)}\n`);
      if (flags.dryRun) {
        const state = await stage.readPushState(bundle, registry.client, signal);
        if (flags.output === 'json') json(state);
        else stdout.write(term.formatPushState(state, place));
        return;
      }
      emit({
        type: 'stage-started',
        stage: 'push',
        title: `${bundle.manifest.images.length} images to ${place}`,
      });
      const report = await stage.pushBundle(bundle, registry.client, {
        emit,
        signal,
        existingTags: flags.keepTags ? 'refuse' : 'replace',
        ...(choice.concurrency === undefined ? {} : { concurrency: choice.concurrency }),
      });
      emit({ type: 'stage-ended', stage: 'push', outcome: 'ok' });
      if (flags.output === 'json') json(report);
      else stdout.write(term.formatPush(report, place));
    } finally {
      await registry.client.close();
    }
  } finally {
    await bundle.close();
  }
}
