import { setMaxListeners } from 'node:events';
import type { CliContext } from './cli/context.js';
import { buildProgram, type CommonOptions, runProgram } from './cli/program.js';
import { EXIT, isAirgapError } from './errors.js';
import type { Emit } from './events.js';
import { keepFreedMemory } from './io/keep-memory.js';
import type { Renderer } from './term/renderer.js';
import { choosePaint, type Paint, plain } from './term/style.js';
import { VERSION } from './version.js';

/** The entry: argv, environment, time, signals and streams enter the program here and nowhere else. */
const stop = new AbortController();
let stoppedBy: NodeJS.Signals | undefined;
let common: CommonOptions | undefined;
let renderer: Renderer | undefined;
let waiting: Parameters<Emit>[0][] = [];

const emit: Emit = (event) => {
  if (renderer) renderer.emit(event);
  else waiting.push(event);
};

const context: CliContext = {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  now: Date.now,
  signal: stop.signal,
  emit,
  confirm: process.stdin.isTTY && process.stderr.isTTY ? confirm : undefined,
  version: VERSION,
};

setMaxListeners(0, stop.signal);
keepFreedMemory();
surviveLostOutput();
listenToSignals();
main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

async function main(args: readonly string[]): Promise<number> {
  let opening: Promise<void> = Promise.resolve();
  const program = buildProgram(context, (options) => {
    common = options;
    opening = openRenderer(options);
  });
  try {
    await runProgram(program, args);
    await opening;
    return EXIT.ok;
  } catch (error) {
    await opening;
    renderer?.close();
    return await report(error, args);
  } finally {
    renderer?.close();
  }
}

async function report(error: unknown, args: readonly string[]): Promise<number> {
  const { asAirgapError, errorJson, formatError } = await import('./term/error.js');
  const cut = stoppedBy !== undefined && !isAirgapError(error);
  if (cut) return stoppedBy === 'SIGTERM' ? 143 : 130;
  const json = common?.logFormat === 'json' || args.includes('--log-format=json');
  const debug = common?.debug ?? args.includes('--debug');
  const text = json ? JSON.stringify(errorJson(error)) : formatError(error, { paint: paint(), debug });
  process.stderr.write(`${text}\n`);
  return asAirgapError(error).exitStatus;
}

async function openRenderer(options: CommonOptions): Promise<void> {
  const shared = {
    stderr: process.stderr,
    now: Date.now,
    paint: paint(),
    verbosity: options.quiet ? 'quiet' : options.verbose ? 'verbose' : 'normal',
  } as const;
  const live =
    process.stderr.isTTY && options.progress && process.env['TERM'] !== 'dumb' && !process.env['CI'];
  const terms = await import('./term/renderer.js');
  if (options.logFormat === 'json') renderer = terms.createJsonRenderer(shared);
  else if (live) renderer = await (await import('./term/live.js')).createLiveRenderer(shared);
  else renderer = terms.createPlainRenderer(shared);
  for (const event of waiting) renderer.emit(event);
  waiting = [];
}

function paint(): Paint {
  if (common?.logFormat === 'json') return plain;
  return choosePaint({
    isTerminal: process.stderr.isTTY ?? false,
    env: process.env,
    forbidden: common?.color === false,
  });
}

async function confirm(question: string): Promise<boolean> {
  const { askYes } = await import('./term/confirm.js');
  renderer?.close();
  return askYes(question, { input: process.stdin, output: process.stderr, signal: stop.signal });
}

/** A closed terminal or a broken pipe must not kill a run that changes a cluster (threats 83). */
function surviveLostOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  process.on('SIGHUP', () => {});
}

/** The first signal asks the stages to stop at a safe place; the second stops the process. */
function listenToSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stoppedBy !== undefined) process.exit(signal === 'SIGTERM' ? 143 : 130);
      stoppedBy = signal;
      emit({
        type: 'note',
        level: 'warn',
        text: `${signal}: stopping at the next safe place; again to stop at once`,
      });
      stop.abort();
    });
  }
}
