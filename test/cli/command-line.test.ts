import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandLine } from '../../src/cli/command-line.js';

test('the command that goes on works from any folder', () => {
  assert.equal(commandLine(['install', '/media/x.tar'], {}, '/root'), 'airgap install /media/x.tar');
  const flags = { kubeconfig: 'site.yaml', context: 'prod', helm: 'bundle', stateDir: '../state' };
  assert.equal(
    commandLine(['rollback', '--run', '2026'], flags, '/root/here'),
    'airgap rollback --run 2026 --kubeconfig /root/here/site.yaml --context prod --helm bundle --state-dir /root/state',
  );
});

test('threat 53: words that a shell would take apart are quoted', () => {
  assert.equal(commandLine(['install', "/a b/it's.tar"], {}, '/'), `airgap install '/a b/it'\\''s.tar'`);
  assert.equal(commandLine([], { context: 'a;b' }, '/'), `airgap --context 'a;b'`);
});
