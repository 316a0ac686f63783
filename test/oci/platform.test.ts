import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { formatPlatform, isUnknownPlatform, parsePlatform, samePlatform } from '../../src/oci/platform.js';

test('platforms are read and written as os/arch[/variant]', () => {
  for (const text of ['linux/amd64', 'linux/arm/v7', 'windows/amd64']) {
    assert.equal(formatPlatform(parsePlatform(text)), text);
  }
});

for (const text of ['', 'linux', 'linux/', '/amd64', 'linux/amd64/v1/x', 'linux/a b', 'linux/amd64/']) {
  test(`${JSON.stringify(text)} is no platform`, () => {
    assert.throws(
      () => parsePlatform(text),
      (error) => isAirgapError(error, 'REFERENCE_INVALID'),
    );
  });
}

test('arm64 and arm64/v8 are the same, arm and arm/v7 too, amd64 and amd64/v3 are not', () => {
  const same = (one: string, other: string): boolean =>
    samePlatform(parsePlatform(one), parsePlatform(other));
  assert.ok(same('linux/arm64', 'linux/arm64/v8'));
  assert.ok(same('linux/arm', 'linux/arm/v7'));
  assert.ok(!same('linux/arm/v6', 'linux/arm'));
  assert.ok(!same('linux/amd64', 'linux/amd64/v3'));
});

test('threat 46: what BuildKit attaches is of an unknown platform', () => {
  assert.ok(isUnknownPlatform({ os: 'unknown', architecture: 'unknown' }));
  assert.ok(!isUnknownPlatform({ os: 'linux', architecture: 'amd64' }));
  assert.ok(!isUnknownPlatform(undefined));
});
