import { Option } from 'commander';
import type { CliContext, Verb } from './context.js';
import { addPackOptions, commonPackOptions, type PackFlags } from './pack-options.js';

interface Flags extends PackFlags {
  readonly why?: boolean;
  readonly update?: boolean;
  readonly output: 'text' | 'json';
}

const HELP = `
Examples:
  airgap images bundles/runai.yaml              images of the spec and of its charts, digests from the lock
  airgap images bundles/runai.yaml --why        where each one was found
  airgap images bundles/runai.yaml --update     ask the registries and write the lock`;

/** `airgap images`: what a spec stands for, before anything is packed. */
export const imagesVerb: Verb = (program, context) => {
  const command = program
    .command('images')
    .summary('list the images that a spec stands for, and why')
    .description('Renders the charts of a spec and lists every image that would be packed.')
    .argument('<spec>', 'the spec, a YAML file')
    .option('--why', 'where each image was found, what was excluded, what only looks like an image')
    .option('--update', 'ask the registries what the names stand for now, and write the lock')
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'));
  addPackOptions(command)
    .addHelpText('after', HELP)
    .action((spec: string, flags: Flags) => run(spec, flags, context));
};

async function run(spec: string, flags: Flags, context: CliContext): Promise<void> {
  const options = commonPackOptions(spec, flags, context);
  const [{ listImages }, { formatImages }] = await Promise.all([
    import('../pack/index.js'),
    import('../term/images.js'),
  ]);
  const report = await listImages({ ...options, ...(flags.update ? { update: true } : {}) });
  context.stdout.write(
    flags.output === 'json'
      ? `${JSON.stringify(report, null, 2)}\n`
      : formatImages(report, flags.why ? { detail: 'why' } : { detail: 'names' }),
  );
}
