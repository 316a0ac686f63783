import assert from 'node:assert/strict';
import { test } from 'node:test';
import { neededRights } from '../../src/install/access.js';
import { demandNoFailure, type Finding } from '../../src/install/findings.js';
import { makePlan, type PlanRequest } from '../../src/install/plan.js';
import { judgePreflight, type PreflightFacts } from '../../src/install/preflight.js';
import type { Observation } from '../../src/install/site.js';
import { emptySite, registryOf, releaseFacts, requestOf, revision, version } from './support/observation.js';

function judge(
  site: Observation,
  more: Partial<PreflightFacts> = {},
  request: PlanRequest = requestOf('2.13.66'),
): Finding[] {
  return judgePreflight({
    manifest: request.manifest,
    site,
    made: makePlan(request, site),
    helm: { path: '/bin/helm', origin: 'path', version: { major: 3, minor: 19, patch: 0, text: 'v3.19.0' } },
    access: [{ verb: '*', group: '*', resource: '*', allowed: true, reason: '' }],
    skipPush: false,
    acknowledged: [],
    ...more,
  });
}

const row = (findings: readonly Finding[], id: string): Finding => {
  const found = findings.find((finding) => finding.id === id);
  assert.ok(found, `${id} is not among ${findings.map((finding) => finding.id).join(', ')}`);
  return found;
};

test('an empty site that has all it needs passes, and says what was not looked at', () => {
  const findings = judge(emptySite());
  assert.deepEqual(
    findings.filter(({ outcome }) => outcome === 'fail'),
    [],
  );
  assert.equal(row(findings, 'registry.writable').outcome, 'not-checked');
  demandNoFailure(findings);
});

test('threat 96: the cluster is named by context, server, UID and number of nodes', () => {
  const { seen } = row(judge(emptySite()), 'cluster.reached');
  for (const part of ['site', 'https://10.0.0.1:6443', '11111111-', 'v1.28.3', '1 nodes'])
    assert.ok(seen.includes(part), part);
});

test('a cluster outside the window of the release fails with the window', () => {
  const { cluster } = emptySite();
  const old = emptySite({ cluster: { ...cluster, version: { major: 1, minor: 18, gitVersion: 'v1.18.0' } } });
  const finding = row(judge(old), 'cluster.version');
  assert.equal(finding.outcome, 'fail');
  assert.match(finding.expected ?? '', /^>=1\.19 <1\.40/);
});

test('threat 36: nodes of another platform: none fits fails with exit 3, some fit warns', () => {
  const { cluster } = emptySite();
  const arm = emptySite({ cluster: { ...cluster, platforms: ['linux/arm64'] } });
  assert.match(row(judge(arm), 'cluster.platforms').advice ?? '', /pack a bundle for linux\/arm64/);
  assert.throws(() => demandNoFailure(judge(arm)), { code: 'BUNDLE_WRONG', exitStatus: 3 });
  const mixed = emptySite({ cluster: { ...cluster, platforms: ['linux/amd64', 'linux/arm64'] } });
  assert.equal(row(judge(mixed), 'cluster.platforms').outcome, 'warn');
});

test('threat 99: every right that is missing is named', () => {
  const made = makePlan(requestOf('2.13.66'), emptySite());
  const access = neededRights(made).map((check) => ({
    ...check,
    allowed: check.verb !== 'create' || check.resource !== 'leases',
    reason: '',
  }));
  const finding = row(judge(emptySite(), { access }), 'cluster.rights');
  assert.equal(finding.outcome, 'fail');
  assert.equal(finding.seen, 'not allowed: create leases.coordination.k8s.io in kube-system');
  assert.ok(
    neededRights(made).some(
      ({ resource, verb }) => resource === 'customresourcedefinitions' && verb === 'patch',
    ),
  );
});

test('threat 58: repositories that refuse are all named', () => {
  const pushProbe = { repositories: 3, errors: ['a: denied', 'b: denied'] };
  const finding = row(judge(emptySite(), { pushProbe }), 'registry.writable');
  assert.deepEqual(
    [finding.outcome, finding.seen],
    ['fail', 'refused in 2 of 3 repositories: a: denied; b: denied'],
  );
  assert.equal(
    row(judge(emptySite(), { pushProbe: { repositories: 3, errors: [] } }), 'registry.writable').outcome,
    'pass',
  );
});

test('--skip-push with images that are not there fails with their names', () => {
  const request = requestOf('2.13.66', { skipPush: true });
  assert.match(
    row(judge(emptySite(), { skipPush: true }, request), 'registry.content').seen,
    /1 of 1 are not there: web:1/,
  );
  const full = emptySite({ registry: registryOf({ state: { images: 1, missing: [], different: [] } }) });
  assert.equal(row(judge(full, { skipPush: true }, request), 'registry.content').outcome, 'pass');
});

test('threats 101 and 102: CRDs that cannot be applied fail with their own codes', () => {
  const fault = { where: 'a.run.ai status.storedVersions', what: 'v1 is stored' };
  const crds = { ...emptySite().crds, findings: { storedVersions: [fault], incompatible: [] } };
  const findings = judge(emptySite({ crds }));
  assert.throws(() => demandNoFailure(findings), { code: 'CRD_STORED_VERSION', exitStatus: 7 });
  const both = judge(
    emptySite({ crds: { ...crds, findings: { storedVersions: [fault], incompatible: [fault] } } }),
  );
  assert.throws(
    () => demandNoFailure(both),
    { code: 'PREFLIGHT_FAILED', exitStatus: 7 },
    'failures of several kinds are preflight’s',
  );
});

const running = (chart: string, release: string, more: object = {}) =>
  releaseFacts(
    'runai-backend',
    revision({ chart: { name: chart, version: release, appVersion: '' }, ...more }),
  );

test('threat 109: a release that is pending fails as locked, with the commands', () => {
  const releases = new Map([
    ['runai-backend', running('control-plane', '2.13.66', { status: 'pending-upgrade' })],
  ]);
  const findings = judge(emptySite({ releases }));
  assert.match(row(findings, 'release.runai-backend').advice ?? '', /helm history runai-backend/);
  assert.throws(() => demandNoFailure(findings), { code: 'LOCKED', exitStatus: 9 });
});

test('threat 116: a release that Argo CD or Flux owns is the operator’s decision', () => {
  const facts = { ...running('control-plane', '2.13.66'), owner: 'Argo CD' };
  const findings = judge(emptySite({ releases: new Map([['runai-backend', facts]]) }));
  assert.match(row(findings, 'release.runai-backend').seen, /Argo CD manages it/);
  assert.throws(() => demandNoFailure(findings), { code: 'DECISION_NEEDED', exitStatus: 11 });
});

test('threat 30: an older bundle than what runs is the operator’s decision', () => {
  const { product } = emptySite();
  const site = emptySite({
    releases: new Map([['runai-backend', running('control-plane', '2.16.79')]]),
    product: { ...product, backend: version('2.16.79') },
  });
  const finding = row(judge(site), 'upgrade.path');
  assert.match(finding.seen, /2\.16\.79 runs, which is newer/);
  assert.equal(finding.code, 'DECISION_NEEDED');
});

test('a first install without a domain fails and names the flag', () => {
  const { domain: _domain, ...request } = requestOf('2.13.66');
  assert.equal(row(judge(emptySite(), {}, request), 'control-plane.domain').advice, 'add --domain NAME');
});

test('one failure gives its advice as the hint, several are all listed', () => {
  const finding = (title: string, more: Partial<Finding> = {}): Finding => ({
    id: 'owners',
    title,
    outcome: 'fail',
    seen: 'bad',
    ...more,
  });
  assert.throws(() => demandNoFailure([finding('a', { advice: 'mend it' })]), {
    code: 'PREFLIGHT_FAILED',
    hint: 'mend it',
  });
  assert.throws(
    () => demandNoFailure([finding('a'), finding('b', { expected: 'good' })]),
    (error: { faults?: unknown[] }) => error.faults?.length === 2,
  );
  demandNoFailure([finding('a', { outcome: 'warn' }), finding('b', { outcome: 'not-checked' })]);
});
