import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, readSources, type Source } from './sources.js';

/** Imports only point downward: a room may use the rooms of the rows below its own (design: the house). */
const ROWS: readonly (readonly string[])[] = [
  ['main'],
  ['cli', 'term'],
  ['pack', 'install', 'recovery'],
  ['registry'],
  ['run'],
  ['bundle'],
  ['runai'],
  ['oci', 'kube', 'helm'],
  ['io'],
  ['errors', 'codes', 'events', 'redact', 'yaml', 'version'],
];

/** Pairs within one row that may see each other. */
const NEIGHBOURS = new Set(['cli>term', 'term>cli']);

/** Leaves that may import nothing of ours but each other. */
const LEAVES = new Set(['errors', 'codes', 'events', 'redact', 'yaml', 'version']);

/** Pure rooms and files: no file system, network, process or clock. */
const PURE = [
  /^runai\//,
  /^(errors|codes|events|redact|version)\.ts$/,
  /^oci\/(types|digest|reference|parse)\.ts$/,
  /^bundle\/(manifest|layout)\.ts$/,
  /^run\/types\.ts$/,
  /^install\/plan\.ts$/,
  /^recovery\/plan\.ts$/,
  /^pack\/(plan|relocate|crds|report|loose)\.ts$/,
  /^pack\/spec\/(?!read\.ts$)/,
  /^pack\/lock\/(?!file\.ts$)/,
  /^pack\/discover\/(glob|walk|custom|hints|rendered|select|redirect|kube-version|types)\.ts$/,
  /^pack\/resolve\/(platforms|types)\.ts$/,
  /^pack\/chart\/(gzip|ignore|repo-index|types)\.ts$/,
];

const IMPURE_MODULES =
  /^(node:(fs|net|http|https|http2|tls|dns|child_process|worker_threads|process|os|timers)(\/.*)?|execa|tar|ora|@kubernetes\/.*)$/;

const sources = readSources();

test('imports point downward only', () => {
  const faults = sources.flatMap((source) => source.own.flatMap((target) => brokenRule(source.path, target)));
  assert.deepEqual(faults, []);
});

test('every import of ours exists', () => {
  const missing = sources.flatMap((source) =>
    source.own
      .filter((target) => !existsSync(join(ROOT, 'src', target)))
      .map((target) => `${source.path} -> ${target}`),
  );
  assert.deepEqual(missing, []);
});

test('the core is pure', () => {
  const faults = sources
    .filter((source) => PURE.some((rule) => rule.test(source.path)))
    .flatMap((source) => impurities(source));
  assert.deepEqual(faults, []);
});

test('only term/ and main write to the terminal, and only main reads the process', () => {
  const allowed = /^(main\.ts|term\/)/;
  const faults = sources
    .filter((source) => !allowed.test(source.path))
    .filter((source) =>
      /\bconsole\.|\bprocess\.(env|cwd|argv|exit|stdout|stderr|stdin)\b/.test(withoutComments(source.text)),
    )
    .map((source) => source.path);
  assert.deepEqual(faults, []);
});

test('no file is longer than 400 lines', () => {
  const long = sources.filter((source) => source.text.split('\n').length > 401).map((source) => source.path);
  assert.deepEqual(long, []);
});

test('there is no default export and no barrel but one index.ts a stage', () => {
  const faults = sources
    .filter((source) => /^export default/m.test(source.text) || /^export \* from/m.test(source.text))
    .map((source) => source.path);
  assert.deepEqual(faults, []);
});

function brokenRule(from: string, to: string): string[] {
  const here = roomOf(from);
  const there = roomOf(to);
  if (here === there) return [];
  const rowHere = rowOf(here);
  const rowThere = rowOf(there);
  const fault = (rule: string): string[] => [`${from} imports ${to}: ${rule}`];
  if (rowHere < 0 || rowThere < 0) return fault('a room that is not in the list of rooms');
  if (LEAVES.has(here)) return LEAVES.has(there) ? [] : fault('leaves import nothing of ours');
  if (rowThere < rowHere) return fault(`${here} lies below ${there}`);
  if (rowThere === rowHere && !NEIGHBOURS.has(`${here}>${there}`))
    return fault(`${here} and ${there} never import each other`);
  return [];
}

function roomOf(path: string): string {
  const cut = path.indexOf('/');
  return cut < 0 ? path.replace(/\.ts$/, '') : path.slice(0, cut);
}

function rowOf(room: string): number {
  return ROWS.findIndex((row) => row.includes(room));
}

function impurities(source: Source): string[] {
  const modules = source.foreign.filter((name) => IMPURE_MODULES.test(name));
  const clocks = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bfetch\(/.test(withoutComments(source.text))
    ? ['a clock, randomness or fetch']
    : [];
  return [...modules, ...clocks].map((what) => `${source.path} uses ${what}`);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
