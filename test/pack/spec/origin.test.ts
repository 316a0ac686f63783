import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOrigin } from '../../../src/pack/spec/origin.js';
import { failure } from '../support/failure.js';

for (const [text, transport, path, name] of [
  ['oci:./images:svc', 'oci', './images', 'svc'],
  ['oci:./images', 'oci', './images', undefined],
  ['oci-archive:a.tar:v1', 'oci-archive', 'a.tar', 'v1'],
  ['docker-archive:a.tar', 'docker-archive', 'a.tar', undefined],
  ['docker-archive:a.tar:gcr.io/x/y:1', 'docker-archive', 'a.tar', 'gcr.io/x/y:1'],
] as const) {
  test(`${text} is read`, () => {
    const origin = parseOrigin(text);
    assert.deepEqual([origin.transport, origin.path, origin.name], [transport, path, name]);
  });
}

for (const text of ['', 'oci', 'oci:', 'oci::x', 'oci:./a:', 'docker://x/y', 'OCI:./a']) {
  test(`"${text}" is refused`, async () => {
    await failure('REFERENCE_INVALID', () => parseOrigin(text));
  });
}
