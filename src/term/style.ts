import { styleText } from 'node:util';

export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'strong';

/** Puts a tone on a text when colours are on. */
export type Paint = (tone: Tone, text: string) => string;

const FORMATS = { good: 'green', bad: 'red', warn: 'yellow', dim: 'dim', strong: 'bold' } as const;

export const plain: Paint = (_tone, text) => text;

export const coloured: Paint = (tone, text) => styleText(FORMATS[tone], text);

/** What decides about colours; NO_COLOR and FORCE_COLOR as their authors define them. */
export interface ColourFacts {
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly forbidden: boolean;
}

export function choosePaint(facts: ColourFacts): Paint {
  if (facts.forbidden || facts.env['NO_COLOR']) return plain;
  if (facts.env['FORCE_COLOR'] && facts.env['FORCE_COLOR'] !== '0') return coloured;
  return facts.isTerminal && facts.env['TERM'] !== 'dumb' ? coloured : plain;
}
