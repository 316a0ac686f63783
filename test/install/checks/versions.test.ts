import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeHelm } from '../../../src/install/checks/helm.js';
import { judgePlatformVersion } from '../../../src/install/checks/platform-version.js';
import { version } from '../../runai/facts.js';

const helm = (text: string, more: object = {}) =>
  judgeHelm({ version: text, path: '/usr/bin/helm', release: version('2.20.4'), ...more });

test('helm: the release’s least, 3.14 for sources from 2.13 on, the bundle’s own range first', () => {
  assert.equal(helm('3.14.0').outcome, 'pass');
  assert.equal(helm('3.13.3').outcome, 'fail');
  assert.equal(helm('3.12.0', { release: version('2.13.66') }).outcome, 'pass');
  assert.equal(helm('3.12.0', { release: version('2.16.1'), source: version('2.13.66') }).outcome, 'fail');
  const bound = helm('3.14.0', { required: '>=3.16' });
  assert.equal(bound.outcome, 'fail');
  assert.match(bound.expected ?? '', /the bundle asks for it/);
  assert.equal(helm('3.14.0', { required: 'nonsense' }).outcome, 'warn');
});

const platform = (seen: string | undefined, requires: Record<string, string> = {}, release = '2.13.66') =>
  judgePlatformVersion({
    manifest: { version: release, requires },
    platform: 'openshift',
    ...(seen === undefined ? {} : { version: seen }),
  });

test('OpenShift: inside, below and above the window; unknown window; the bundle’s range', () => {
  assert.equal(platform('4.12.3').outcome, 'pass');
  assert.equal(platform('4.9.0').outcome, 'fail');
  assert.equal(platform('4.14.1').outcome, 'fail');
  assert.equal(platform('4.12.3', {}, '2.14.2').outcome, 'warn');
  assert.equal(platform('4.14.1', { openshift: '>=4.14' }).outcome, 'pass');
  assert.equal(platform(undefined).outcome, 'not-checked');
});
