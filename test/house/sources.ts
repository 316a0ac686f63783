import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A source file with what it imports. */
export interface Source {
  /** Below src/, with slashes: bundle/open.ts */
  readonly path: string;
  readonly text: string;
  /** Paths below src/ of our own modules, types included. */
  readonly own: readonly string[];
  /** Package and node: names. */
  readonly foreign: readonly string[];
}

const IMPORT = /^(?:import|export)\s[^;]*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

export function readSources(): Source[] {
  const src = join(ROOT, 'src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return files.sort().map((name) => readSource(src, name));
}

function readSource(src: string, name: string): Source {
  const text = readFileSync(join(src, name), 'utf8');
  const named = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
  const own = named
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => relative(src, resolve(src, dirname(name), specifier)).replace(/\.js$/, '.ts'));
  return { path: name, text, own, foreign: named.filter((specifier) => !specifier.startsWith('.')) };
}
