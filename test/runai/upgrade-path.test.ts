import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkUpgradePath, releasesBetween } from '../../src/runai/upgrade-path.js';
import { type FactOptions, factsOf, version } from './facts.js';

const found = (
  options: FactOptions,
  change: (facts: ReturnType<typeof factsOf>) => ReturnType<typeof factsOf> = (x) => x,
) => checkUpgradePath(change(factsOf(options))).map((finding) => `${finding.level} ${finding.id}`);

test('plain upgrades have nothing to say', () => {
  assert.deepEqual(found({ to: '2.13.66' }), []);
  assert.deepEqual(found({ from: '2.8.20', to: '2.13.66' }), []);
  assert.deepEqual(found({ from: '2.10.11', to: '2.13.66' }), []);
  assert.deepEqual(found({ from: '2.13.66', to: '2.20.4' }), []);
  assert.deepEqual(found({ from: '2.13.66', to: '2.13.66' }), []);
});

test('threat 37: going back is refused, of either part', () => {
  assert.deepEqual(found({ from: '2.13.66', to: '2.9.25' }), ['refuse downgrade', 'refuse downgrade', ...[]]);
  assert.deepEqual(found({ from: '2.13.66', to: '2.13.65' }), ['refuse downgrade', 'refuse downgrade']);
});

test('the control plane is never older than a cluster', () => {
  const clusterOnly = found({ from: '2.9.25', to: '2.13.66' }, ({ site, target }) => {
    const { backend: _backend, ...rest } = target;
    return { site, target: rest };
  });
  assert.deepEqual(clusterOnly, ['refuse cluster-newer']);
  const mixed = found({ from: '2.9.25', to: '2.13.66' }, ({ site, target }) => ({
    site,
    target: { ...target, backend: version('2.13.21') },
  }));
  assert.ok(mixed.includes('refuse cluster-newer'));
});

test('threat 120: versions that nothing is known about', () => {
  assert.ok(found({ from: '2.13.66', to: '3.0.1' }).includes('refuse unknown-version'));
  assert.ok(found({ from: '1.0.0', to: '2.13.66' }).includes('refuse unknown-version'));
});

test('windows that no text names are asked about', () => {
  for (const to of ['2.14.2', '2.15.0', '2.21.3']) {
    assert.ok(found({ from: '2.13.66', to }).includes('ask window-unknown'), to);
  }
});

test('threat 120: paths that no text names are told', () => {
  assert.ok(found({ from: '2.5.3', to: '2.13.66' }).includes('warn path-composed'));
  assert.ok(found({ from: '2.12.3', to: '2.13.66' }).includes('warn source-2.12'));
  assert.ok(found({ from: '2.3.0', to: '2.8.20' }).includes('warn gpu-operator'));
});

test('a claim that is missing where the data should be is asked about', () => {
  assert.deepEqual(
    found({ from: '2.9.25', to: '2.13.66', site: { claims: ['pvc-thanos-receive'] } }).slice(0, 1),
    ['ask claim-missing:pvc-postgresql'],
  );
  assert.deepEqual(found({ from: '2.10.11', to: '2.13.66', platform: 'openshift', site: { claims: [] } }), [
    'ask claim-missing:pvc-postgresql',
  ]);
  assert.deepEqual(found({ from: '2.13.66', to: '2.20.4', site: { claims: [] } }), []);
});

test('what is accepted with a missing claim is said: a new, empty volume, or a claim of another name', () => {
  const todo = (to: string) =>
    checkUpgradePath(factsOf({ from: '2.9.25', to, site: { claims: ['pvc-thanos-receive'] } })).find(
      ({ id }) => id === 'claim-missing:pvc-postgresql',
    )?.todo ?? '';
  assert.match(todo('2.13.66'), /a new, empty volume/);
  assert.match(todo('2.13.66'), /--backend-set postgresql\.primary\.persistence\.existingClaim=CLAIM/);
  assert.match(todo('2.11.4'), /a new, empty volume/);
  assert.doesNotMatch(todo('2.11.4'), /--backend-set/, 'the key came with 2.12');
});

test('a bundle without the CRDs that its release needs is refused', () => {
  const without = (from: string, to: string) =>
    found({ from, to }, ({ site, target }) => ({ site, target: { ...target, crds: false } }));
  assert.ok(without('2.8.20', '2.9.25').includes('refuse crds-missing'));
  assert.deepEqual(without('2.13.66', '2.20.4'), []);
});

test('published defects of an upgrade are told', () => {
  assert.ok(found({ from: '2.9.16', to: '2.13.16' }).includes('warn defect:logins-2.13'));
  assert.ok(!found({ from: '2.9.16', to: '2.13.21' }).includes('warn defect:logins-2.13'));
  assert.ok(found({ from: '2.9.25', to: '2.13.66' }).includes('warn defect:engine-config-2.13'));
});

test('the releases between, whose steps compose', () => {
  assert.deepEqual(releasesBetween(version('2.8.20'), version('2.12.0')), ['2.9', '2.10', '2.11', '2.12']);
  assert.deepEqual(releasesBetween(version('2.13.1'), version('2.13.66')), []);
});

test('every finding says what to do and where it is from', () => {
  const all = [
    factsOf({ from: '2.3.0', to: '2.14.0', site: { claims: [] } }),
    factsOf({ from: '2.9.16', to: '2.13.5' }),
    factsOf({ from: '2.13.66', to: '2.9.25' }),
  ].flatMap((facts) => checkUpgradePath(facts));
  assert.ok(all.length >= 7);
  for (const finding of all)
    assert.ok(finding.todo.length > 5 && finding.source.length > 5 && finding.what.length > 10);
});
