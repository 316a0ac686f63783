import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { keepValues } from '../../src/install/keep-values.js';
import { makePlan } from '../../src/install/plan.js';
import { openSavedStore } from '../../src/run/saved.js';
import { temporaryFolder } from '../recovery/archive/helpers.js';
import { emptySite, requestOf } from './support/observation.js';

test('complete values and those in effect are kept, readable by their owner only', async (t) => {
  const folder = await temporaryFolder(t);
  const saved = openSavedStore(folder);
  const made = makePlan(
    requestOf('2.13.66', { defaults: new Map([['runai-backend', { port: 1, global: { domain: '' } }]]) }),
    emptySite(),
  );
  await keepValues({ run: { plan: made.plan }, saved } as never, async () => made.releases);
  const read = async (name: string) => JSON.parse((await saved.get(name))?.toString('utf8') ?? 'null');
  const given = await read('values/runai-backend.json');
  assert.equal(given.port, undefined);
  const effective = await read('values/runai-backend.effective.json');
  assert.deepEqual([effective.port, effective.global.domain], [1, 'runai.site']);
  const file = join(folder, 'saved', 'values', 'runai-backend.effective.json');
  assert.equal(statSync(file).mode & 0o777, 0o600);
});
