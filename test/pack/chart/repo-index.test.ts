import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findInIndex } from '../../../src/pack/chart/repo-index.js';
import { failure } from '../support/failure.js';

const DIGEST = 'ab'.repeat(32);
const INDEX = `apiVersion: v1
entries:
  control-plane:
    - {name: control-plane, version: 2.13.66, digest: ${DIGEST}, urls: [charts/control-plane-2.13.66.tgz]}
    - {name: control-plane, version: v2.9.25, urls: ["https://other.example.com/c.tgz"]}
    - {name: control-plane, version: 2.8.0, urls: ["file:///etc/passwd"]}
    - {name: control-plane, version: 2.7.0, urls: []}
`;
const query = (version: string, name = 'control-plane', repository = 'https://c.example.com/stable') => ({
  name,
  version,
  repository,
});

test('a relative address is below the repository, with its digest', () => {
  assert.deepEqual(findInIndex(INDEX, query('2.13.66')), {
    url: 'https://c.example.com/stable/charts/control-plane-2.13.66.tgz',
    sha256: DIGEST,
  });
  assert.equal(findInIndex(INDEX, query('2.9.25')).url, 'https://other.example.com/c.tgz');
});

for (const [name, wanted, found] of [
  ['another version', query('9.9.9'), /2\.13\.66, v2\.9\.25/],
  ['another name', query('2.13.66', 'contol-plane'), /control-plane is there/],
  ['a version without address', query('2.7.0'), /has no control-plane 2\.7\.0/],
  ['an address of this machine', query('2.8.0'), /file:/],
  ['a name of JavaScript', query('1.0.0', 'constructor'), /other charts/],
] as const) {
  test(`what is not there is said: ${name}`, async () => {
    const { text, error } = await failure('CHART_NOT_FOUND', () => findInIndex(INDEX, wanted));
    assert.match(text, found);
    assert.equal(error.exitStatus, 3);
  });
}
