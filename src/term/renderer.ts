import type { Writable } from 'node:stream';
import type { AirgapEvent, Emit } from '../events.js';
import { printable, redact } from '../redact.js';
import { createMeter } from './progress.js';
import type { Paint } from './style.js';

/** How events become output on stderr. */
export interface RendererOptions {
  readonly stderr: Writable;
  readonly now: () => number;
  readonly paint: Paint;
  readonly verbosity: 'quiet' | 'normal' | 'verbose';
  /** A line every this many milliseconds at the most for progress in a log. */
  readonly every?: number;
  /** The same for progress that stands where it stood: a sign of life (milliseconds). */
  readonly everySame?: number;
}

export interface Renderer {
  readonly emit: Emit;
  /** Takes a live line off the terminal, if there is one. */
  readonly close: () => void;
}

/** Plain lines: for logs, CI, and terminals that cannot do more. */
export function createPlainRenderer(options: RendererOptions): Renderer {
  const meter = createMeter(options.now);
  const { every = 5000, everySame = 60_000 } = options;
  let spoke = options.now();
  let said = '';
  const say = (line: string): void => {
    options.stderr.write(`${line}\n`);
  };
  return {
    emit: (event) => {
      if (event.type === 'progress') {
        meter.note(event);
        const pause = options.now() - spoke;
        if (options.verbosity === 'quiet' || pause < every) return;
        const { stage, done, total, current } = event;
        const state = JSON.stringify([stage, done, total, current]);
        if (state === said && pause < everySame) return;
        spoke = options.now();
        said = state;
        say(`  ${stage}: ${meter.text()}`);
        return;
      }
      if (event.type === 'stage-started') spoke = options.now();
      const line = lineOf(event, options);
      if (line !== undefined) say(line);
    },
    close: () => {},
  };
}

/** One JSON object a line, each event as it is. */
export function createJsonRenderer(options: RendererOptions): Renderer {
  return {
    emit: (event) => {
      const record = { time: new Date(options.now()).toISOString(), ...event };
      options.stderr.write(`${redact(JSON.stringify(record))}\n`);
    },
    close: () => {},
  };
}

/** The line of an event for people, or undefined when it is not shown at this verbosity. */
export function lineOf(
  event: AirgapEvent,
  options: Pick<RendererOptions, 'paint' | 'verbosity'>,
): string | undefined {
  const { paint, verbosity } = options;
  const quiet = verbosity === 'quiet';
  switch (event.type) {
    case 'stage-started':
      return quiet ? undefined : `${paint('strong', event.stage)}: ${shown(event.title)}`;
    case 'stage-ended':
      return quiet && event.outcome !== 'failed' ? undefined : endLine(event, paint);
    case 'note':
      return noteLine(event, options);
    case 'step':
      return quiet ? undefined : stepLine(event, paint);
    case 'child':
      return verbosity === 'verbose' ? paint('dim', `  ${event.program}: ${shown(event.line)}`) : undefined;
    case 'progress':
      return undefined;
  }
}

function endLine(event: Extract<AirgapEvent, { type: 'stage-ended' }>, paint: Paint): string | undefined {
  const mark = { ok: paint('good', 'ok'), failed: paint('bad', 'failed'), skipped: paint('dim', 'skipped') };
  const summary = event.summary === undefined ? '' : `, ${shown(event.summary)}`;
  return `  ${event.stage} ${mark[event.outcome]}${summary}`;
}

function noteLine(
  event: Extract<AirgapEvent, { type: 'note' }>,
  options: Pick<RendererOptions, 'paint' | 'verbosity'>,
): string | undefined {
  if (event.level === 'warn') return `${options.paint('warn', 'warning')}: ${shown(event.text)}`;
  if (event.level === 'debug')
    return options.verbosity === 'verbose' ? options.paint('dim', shown(event.text)) : undefined;
  return options.verbosity === 'quiet' ? undefined : `  ${shown(event.text)}`;
}

function stepLine(event: Extract<AirgapEvent, { type: 'step' }>, paint: Paint): string {
  const marks = {
    started: paint('dim', 'start'),
    'already-done': paint('good', 'as it should be'),
    done: paint('good', 'done'),
    failed: paint('bad', 'failed'),
    'needs-operator': paint('warn', 'needs you'),
  };
  const detail = event.detail === undefined ? '' : ` (${shown(event.detail)})`;
  return `  [${event.id}] ${shown(event.title)}: ${marks[event.phase]}${detail}`;
}

function shown(text: string): string {
  return printable(redact(text), 4000);
}
