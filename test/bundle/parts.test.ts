import assert from 'node:assert/strict';
import {
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { partName, partSizeFaults, partSizes, partTotalFaults } from '../../src/bundle/parts.js';
import { verifyFile } from '../../src/bundle/verify.js';
import { AirgapError } from '../../src/errors.js';
import { assemble, sample, temporaryFolder, writeSample } from './helpers.js';

const PART = 7000;

async function packParts(t: TestContext): Promise<{ set: string; bytes: Buffer; count: number }> {
  const set = join(await temporaryFolder(t), 'runai.tar');
  const from = sample();
  const { layout, report } = await writeSample(set, from, { split: PART });
  return { set, bytes: assemble(layout, from), count: report.paths.length };
}

async function refusal(path: string): Promise<AirgapError> {
  try {
    const report = await verifyFile(path);
    assert.fail(`verified: ${JSON.stringify(report)}`);
  } catch (error) {
    assert.ok(error instanceof AirgapError, String(error));
    assert.equal(error.exitStatus, 4);
    return error;
  }
}

test('parts are the raw ranges of the one file', async (t) => {
  const { set, bytes, count } = await packParts(t);
  const names = readdirSync(join(set, '..')).sort();
  assert.deepEqual(
    names,
    Array.from({ length: count }, (_, index) => `runai.tar.00${index + 1}`),
  );
  assert.deepEqual(Buffer.concat(names.map((name) => readFileSync(join(set, '..', name)))), bytes);
});

test('threat 17: the set verifies by its name and by any of its parts', async (t) => {
  const { set, count, bytes } = await packParts(t);
  for (const path of [set, partName(set, 1), partName(set, 3)]) {
    const report = await verifyFile(path);
    assert.deepEqual([report.ok, report.parts, report.size], [true, count, bytes.length]);
  }
});

test('threat 17: a missing part is named: in the middle, at the end, the first', async (t) => {
  for (const number of [1, 3, 6]) {
    const { set, count } = await packParts(t);
    assert.equal(count, 6);
    rmSync(partName(set, number));
    const error = await refusal(number === 1 ? partName(set, 2) : set);
    assert.equal(error.code, 'BUNDLE_PART');
    const text = `${error.message} ${error.found} ${error.faults.map(({ where, what }) => `${where} ${what}`)}`;
    assert.ok(text.includes(`runai.tar.00${number}`), text);
  }
});

test('threats 17 and 18: a short part is named, with the bytes it lacks', async (t) => {
  for (const number of [1, 2, 6]) {
    const { set } = await packParts(t);
    const path = partName(set, number);
    truncateSync(path, readFileSync(path).length - 11);
    const error = await refusal(set);
    assert.equal(error.code, 'BUNDLE_PART');
    assert.match(error.message, new RegExp(`00${number} is short by 11 bytes`));
  }
});

test('threat 17: a part that is too long or empty is named', async (t) => {
  const { set } = await packParts(t);
  writeFileSync(partName(set, 6), Buffer.alloc(PART + 5));
  assert.match((await refusal(set)).message, /006 has \d+ bytes too many/);
  writeFileSync(partName(set, 6), '');
  assert.match((await refusal(set)).message, /006 is (empty|short)/);
});

test('threat 17: swapped and duplicated parts are named by what they hold', async (t) => {
  const { set } = await packParts(t);
  renameSync(partName(set, 2), `${set}.x`);
  renameSync(partName(set, 3), partName(set, 2));
  renameSync(`${set}.x`, partName(set, 3));
  const error = await refusal(set);
  assert.equal(error.code, 'BUNDLE_PART');
  assert.match(error.message, /002 holds what belongs into .*003/);
  copyFileSync(partName(set, 2), partName(set, 3));
  assert.match((await refusal(set)).message, /002 holds what belongs into .*003/);
});

test('threat 17: the first part swapped with another is named', async (t) => {
  const { set } = await packParts(t);
  renameSync(partName(set, 1), `${set}.x`);
  renameSync(partName(set, 4), partName(set, 1));
  renameSync(`${set}.x`, partName(set, 4));
  const error = await refusal(set);
  assert.equal(error.code, 'BUNDLE_PART');
  assert.match(error.message, /004 is the first part/);
});

test('threat 17: a part of another bundle and a stale part beyond the set are named', async (t) => {
  const { set } = await packParts(t);
  const other = await packOther(t);
  copyFileSync(partName(other, 3), partName(set, 3));
  const error = await refusal(set);
  assert.match(error.message, /003 is of another bundle/);
  const fresh = await packParts(t);
  copyFileSync(partName(fresh.set, 6), partName(fresh.set, 7));
  const stale = await refusal(fresh.set);
  assert.equal(stale.code, 'BUNDLE_PART');
  assert.match(stale.message, /007 is beyond the set of 6/);
});

async function packOther(t: TestContext): Promise<string> {
  const set = join(await temporaryFolder(t), 'runai.tar');
  await writeSample(
    set,
    sample({ version: '2.13.65', facts: { crds: ['./another-file-of-crds-with-a-long-name.yaml'] } }),
    { split: PART },
  );
  return set;
}

test('threat 17: a flipped bit inside a part is told with the part and the offset in it', async (t) => {
  const { set } = await packParts(t);
  const path = partName(set, 5);
  const bytes = readFileSync(path);
  bytes[4000] = (bytes[4000] as number) ^ 1;
  writeFileSync(path, bytes);
  const report = await verifyFile(set);
  assert.equal(report.ok, false);
  assert.match(report.faults[0]?.where ?? '', /runai\.tar\.005, byte \d+/);
});

test('sizes of parts add up, whatever the total', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 100, max: 5000 }), (total, size) => {
      const sizes = partSizes(total, size);
      assert.equal(
        sizes.reduce((sum, part) => sum + part, 0),
        total,
      );
      const parts = sizes.map((bytes, index) => ({ path: partName('x.tar', index + 1), size: bytes }));
      assert.deepEqual(partSizeFaults(parts), []);
      if (sizes.length > 2) assert.deepEqual(partTotalFaults(parts, total), []);
    }),
  );
});

test('parts that cannot be numbered are refused before anything is written', async (t) => {
  const folder = await temporaryFolder(t);
  await assert.rejects(
    writeSample(join(folder, 'x.tar'), sample(), { split: 30 }),
    /size of the parts cannot be used/,
  );
  assert.deepEqual(readdirSync(folder), []);
});
