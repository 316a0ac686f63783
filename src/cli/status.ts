import { resolve } from 'node:path';
import { Option } from 'commander';
import { AirgapError } from '../errors.js';
import type { Verb } from './context.js';

interface StatusFlags {
  readonly run?: string;
  readonly all?: boolean;
  readonly stateDir?: string;
  readonly output: 'text' | 'json';
}

/** `airgap status`: what ran, what is next, whether the site can be left; needs no cluster. */
export const statusVerb: Verb = (program, context) => {
  program
    .command('status')
    .summary('what ran on this host, what is next, and whether it is safe to walk away')
    .description('Reads the record of the runs of this host. Neither the cluster nor the registry is asked.')
    .option('--run <id>', 'the run with this id (or the beginning of it)')
    .option('--all', 'all runs of this host, not only the newest of each cluster')
    .option('--state-dir <dir>', 'folder of the record of runs (default: airgap/ in the XDG state folder)')
    .addOption(new Option('-o, --output <format>', 'format').choices(['text', 'json']).default('text'))
    .action(async (flags: StatusFlags) => {
      const [{ readStatuses, stateRoot }, { formatStatuses, statusJson }] = await Promise.all([
        import('../run/index.js'),
        import('../term/status.js'),
      ]);
      const root =
        flags.stateDir === undefined ? stateRoot(context.env) : resolve(context.cwd, flags.stateDir);
      const chosen = choose(await readStatuses(root), flags);
      const text =
        flags.output === 'json'
          ? `${JSON.stringify({ stateFolder: root, runs: chosen.map(statusJson) }, null, 2)}\n`
          : formatStatuses(chosen, { root });
      context.stdout.write(text);
    });
};

interface Chosen {
  readonly runId: string;
  readonly folder: string;
}

function choose<T extends Chosen>(statuses: readonly T[], flags: StatusFlags): T[] {
  if (flags.run !== undefined) {
    const found = statuses.filter((status) => status.runId.startsWith(flags.run as string));
    if (found.length > 0) return found;
    throw new AirgapError('USAGE', `there is no run ${flags.run}`, {
      expected: statuses.length === 0 ? 'no run is known to this host' : 'a run id of this host',
      found: flags.run,
      hint: 'list them with airgap status --all',
    });
  }
  if (flags.all) return [...statuses];
  const seen = new Set<string>();
  return statuses.filter((status) => {
    const cluster = status.folder.slice(0, status.folder.lastIndexOf('/'));
    if (seen.has(cluster)) return false;
    seen.add(cluster);
    return true;
  });
}
