import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readSpec } from '../../../src/pack/spec/read.js';
import { failure } from '../support/failure.js';
import { folderOf } from '../support/folder.js';
import { ROOT } from '../support/programs.js';

test('the example spec is right', async () => {
  const spec = await readSpec('bundles/runai.yaml', ROOT);
  assert.equal(spec.version, '2.13.66');
  assert.deepEqual(
    spec.charts.map(({ role }) => role),
    ['control-plane', 'cluster'],
  );
  assert.ok(spec.images.discover);
});

test('paths in a spec start at its folder, not where the command runs', async (t) => {
  const text = `apiVersion: airgap/v1
kind: Bundle
product: runai
version: 1.0.0
platforms: [linux/amd64]
charts: [{role: cluster, release: a, namespace: a, path: ../c.tgz}]
`;
  const folder = folderOf(t, { 'deep/spec.yaml': text });
  const spec = await readSpec('deep/spec.yaml', folder);
  const [chart] = spec.charts;
  assert.ok(chart?.source.kind === 'path');
  assert.equal(chart.source.path, join(folder, 'c.tgz'));
});

test('a file that is not there, a folder, and what is no text', async (t) => {
  const folder = folderOf(t, { 'x.yaml': Buffer.from([0xff, 0xfe, 0x41]) });
  const { error } = await failure('FILE_NOT_FOUND', () => readSpec('gone.yaml', folder));
  assert.equal(error.exitStatus, 2);
  await failure('FILE_NOT_FOUND', () => readSpec('.', folder));
  await failure('SPEC_INVALID', () => readSpec('x.yaml', folder));
});
