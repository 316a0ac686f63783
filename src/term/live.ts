import type { Writable } from 'node:stream';
import type { Ora } from 'ora';
import { createMeter } from './progress.js';
import { lineOf, type Renderer, type RendererOptions } from './renderer.js';

/** The line is drawn no oftener than this (ms): setting its text measures it. */
const EVERY = 80;

/**
 * A terminal: finished lines scroll up, the last line lives. ora draws that line; it is loaded with the first
 * event, so that commands which announce nothing start fast.
 */
export async function createLiveRenderer(options: RendererOptions): Promise<Renderer> {
  const { default: ora } = await import('ora');
  const meter = createMeter(options.now);
  let spinner: Ora | undefined;
  let title = '';
  let drawn = 0;
  const stop = (): void => {
    spinner?.stop();
    spinner = undefined;
  };
  const say = (line: string): void => {
    const running = spinner?.isSpinning ?? false;
    if (running) spinner?.clear();
    options.stderr.write(`${line}\n`);
    if (running) spinner?.render();
  };
  return {
    emit: (event) => {
      if (options.verbosity !== 'quiet' && event.type === 'stage-started') {
        stop();
        title = event.title;
        drawn = 0;
        spinner = ora({
          text: title,
          stream: options.stderr as Writable & NodeJS.WriteStream,
          discardStdin: false,
        }).start();
        return;
      }
      if (event.type === 'progress') {
        meter.note(event);
        if (spinner === undefined || options.now() - drawn < EVERY) return;
        drawn = options.now();
        spinner.text = fit(`${title}: ${meter.text()}`, options.stderr);
        return;
      }
      if (event.type === 'stage-ended') stop();
      const line = lineOf(event, options);
      if (line !== undefined) say(line);
    },
    close: stop,
  };
}

/** One line only: a wrapped live line cannot be redrawn. */
function fit(text: string, stream: Writable): string {
  const columns = 'columns' in stream && typeof stream.columns === 'number' ? stream.columns : 80;
  return text.length > columns - 4 ? `${text.slice(0, columns - 5)}…` : text;
}
