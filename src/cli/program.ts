import { Command, CommanderError, Option } from 'commander';
import { AirgapError } from '../errors.js';
import type { CliContext } from './context.js';
import { VERBS } from './verbs.js';

/** Options that every verb takes, before or after its name. */
export interface CommonOptions {
  readonly debug?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
  readonly color: boolean;
  readonly progress: boolean;
  readonly logFormat: 'text' | 'json';
}

const EXIT_TEXT = `
Exit status:
  0 ok · 1 our fault · 2 usage · 3 spec or bundle invalid · 4 integrity or signature
  5 registry · 6 cluster or helm · 7 preflight failed · 8 backup or restore
  9 locked by another run · 10 interrupted, resumable · 11 the operator must decide`;

const EXAMPLES = `
Examples:
  airgap pack bundles/runai.yaml -o runai-air-gapped-2.13.66.tar      on the connected side
  airgap verify runai-air-gapped-2.13.66.tar                          anywhere
  airgap install runai-air-gapped-2.13.66.tar --registry HOST:PORT --domain NAME --dry-run
${EXIT_TEXT}`;

/** Builds the whole command tree; nothing is run. `onCommon` hears of the common options before a verb acts. */
export function buildProgram(context: CliContext, onCommon: (options: CommonOptions) => void): Command {
  const program = new Command('airgap')
    .description('Carries a Run:ai self-hosted release across an air gap.')
    .version(context.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .showSuggestionAfterError(true)
    .addHelpText('after', EXAMPLES);
  addCommonOptions(program);
  program.hook('preAction', (_program, action) => onCommon(action.optsWithGlobals<CommonOptions>()));
  for (const verb of VERBS) verb(program, context);
  overrideExit(program);
  return program;
}

/** Runs an argument list (without node and script). @throws AirgapError USAGE and whatever the verb throws */
export async function runProgram(program: Command, args: readonly string[]): Promise<void> {
  try {
    if (args.length === 0) {
      program.outputHelp();
      return;
    }
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return;
    const what = error.message.replace(/^error: /, '').replace(/\n/g, ' ');
    throw new AirgapError('USAGE', what, { hint: usageHint(program, args) });
  }
}

function addCommonOptions(program: Command): void {
  program
    .option('--debug', 'show causes and stacks of errors')
    .option('-q, --quiet', 'only warnings and errors')
    .option('-v, --verbose', 'more lines, with the output of helm')
    .option('--no-color', 'no colours (also NO_COLOR)')
    .option('--no-progress', 'plain lines instead of a live one')
    .addOption(
      new Option('--log-format <format>', 'events on stderr').choices(['text', 'json']).default('text'),
    );
}

/** Commander must throw instead of exiting, and must not print errors: term/ does. */
function overrideExit(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {}, outputError: () => {} });
  for (const child of command.commands) overrideExit(child);
}

function usageHint(program: Command, args: readonly string[]): string {
  const path: string[] = [];
  let command = program;
  for (const word of args) {
    const next = command.commands.find((child) => child.name() === word || child.aliases().includes(word));
    if (!next) break;
    path.push(word);
    command = next;
  }
  return ['airgap', ...path, '--help'].join(' ');
}
