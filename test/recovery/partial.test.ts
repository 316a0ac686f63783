import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Encryption } from '../../src/recovery/archive/encryption.js';
import { heldParts } from '../../src/recovery/held-parts.js';
import { markPath } from '../../src/recovery/marks.js';
import { temporaryFolder } from './archive/helpers.js';
import { type FakeSite, startFakeSite } from './support/fake-site.js';

let site: FakeSite;
beforeEach(async () => {
  site = await startFakeSite();
});
afterEach(() => site.close());

const WHOLE = new Set(['config', 'values', 'secrets'] as const);
const PART = new Set(['config'] as const);
const KEEP_ONE = { retention: { keepLast: 1 } };

test('threat 134: a partial backup deletes no fuller one, locked or not, and replaces its own kind', async (t) => {
  for (const encryption of ['fresh', { kind: 'plain' }] as const) {
    const folder = await temporaryFolder(t);
    const make = async (name: string, choices: ReadonlySet<'config' | 'values' | 'secrets'>) =>
      site.backup(folder, { file: join(folder, name) }, { choices, encryption, ...KEEP_ONE });
    const left = (): string[] =>
      ['whole', 'part1', 'part2', 'whole2'].filter((name) => existsSync(join(folder, name)));
    await make('whole', WHOLE);
    const { notes } = await make('part1', PART);
    assert.deepEqual(left(), ['whole', 'part1']);
    assert.match(notes.join('\n'), /no newer verified backup is known to hold all that they do: whole$/m);
    await make('part2', PART);
    assert.deepEqual(left(), ['whole', 'part2']);
    await make('whole2', WHOLE);
    assert.deepEqual(left(), ['whole2']);
  }
});

test('threat 134: a mark of old says nothing of parts: the manifest does, and where that is locked the backup stays', async (t) => {
  const rows: readonly (readonly [Encryption | 'fresh', boolean])[] = [
    ['fresh', true],
    [{ kind: 'plain' }, false],
  ];
  for (const [encryption, stays] of rows) {
    const folder = await temporaryFolder(t);
    const first = join(folder, 'first');
    await site.backup(folder, { file: first }, { choices: WHOLE, encryption });
    const { holds, ...old } = JSON.parse(readFileSync(markPath(first), 'utf8'));
    assert.deepEqual(holds, ['config', 'values', 'secrets']);
    writeFileSync(markPath(first), JSON.stringify(old));
    await site.backup(folder, { file: join(folder, 'second') }, { choices: WHOLE, encryption, ...KEEP_ONE });
    assert.equal(existsSync(first), stays);
  }
});

test('data counts as held where it is in the backup, or a snapshot that it records', () => {
  const volume = { claim: 'c', namespace: 'n' };
  const copy = { ...volume, method: 'copy', part: 'p' } as const;
  const database = { name: 'backend', part: 'd', format: 'custom', tables: [] } as const;
  const of = (facts: Partial<Parameters<typeof heldParts>[0]>): string[] =>
    heldParts({ skipped: [], databases: [], volumes: [], ...facts }).filter((part) =>
      ['database', 'metrics', 'prometheus'].includes(part),
    );
  assert.deepEqual(of({}), []);
  assert.deepEqual(of({ databases: [database] }), ['database']);
  assert.deepEqual(of({ volumes: [{ ...copy, purpose: 'metrics' }] }), ['metrics']);
  assert.deepEqual(of({ volumes: [{ ...volume, method: 'snapshot', by: 's', purpose: 'database' }] }), [
    'database',
  ]);
  assert.deepEqual(of({ volumes: [{ ...volume, method: 'site', by: 'x', purpose: 'metrics' }] }), []);
  const skipped = [
    { what: 'config', why: 'left out by the operator' },
    { what: 'volume a/b', why: 'a claim that is neither database nor metrics' },
  ];
  assert.deepEqual(heldParts({ skipped, databases: [], volumes: [] }), [
    ...['values', 'secrets', 'ingress', 'rbac', 'assets', 'storage'],
  ]);
});
