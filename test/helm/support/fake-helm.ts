import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A program that stands in for helm where a real one will not fail as wanted; it logs how it was called. */
export interface FakeHelm {
  readonly folder: string;
  /** Folder to put on PATH. */
  readonly bin: string;
  readonly path: string;
  /** Argument lists of all calls but the version probe. */
  calls(): string[][];
  /** Environment of the last call. */
  env(): Record<string, string>;
  remove(): void;
}

export interface FakeAnswers {
  /** What the version probe prints. */
  readonly version?: string;
  /** Shell lines that run for every other call; "$@" are the arguments. */
  readonly script?: string;
}

export function fakeHelm({ version = 'v3.19.0', script = 'exit 0' }: FakeAnswers = {}): FakeHelm {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-helm-'));
  const path = join(folder, 'helm');
  const log = join(folder, 'calls');
  writeFileSync(log, '');
  const lines = [
    '#!/bin/sh',
    `env -0 > '${folder}/env'`,
    `if [ "$1" = version ]; then echo '${version}'; exit 0; fi`,
    `for word in "$@"; do printf '%s\\0' "$word"; done >> '${log}'`,
    `printf '\\n\\0' >> '${log}'`,
    script,
  ];
  writeFileSync(path, lines.join('\n'));
  chmodSync(path, 0o755);
  return {
    folder,
    bin: folder,
    path,
    calls: () =>
      readFileSync(log, 'utf8')
        .split('\n\0')
        .filter((call) => call !== '')
        .map((call) => call.split('\0').filter((_word, index, words) => index < words.length - 1)),
    env: () =>
      Object.fromEntries(
        readFileSync(join(folder, 'env'), 'utf8')
          .split('\0')
          .filter((pair) => pair !== '')
          .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
      ),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
