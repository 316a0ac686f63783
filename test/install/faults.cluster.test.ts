import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CLUSTER,
  clearPending,
  clusterBundle,
  ended,
  fingerprint,
  history,
  holdDefinition,
  immutableRelease,
  leavePending,
  QUOTA,
  STORED,
  startInstall,
} from './support/fault-install.js';
import { type FaultSite, startFaultSite } from './support/fault-site.js';
import { askWebhook, denyingWebhook } from './support/webhook.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: faults of a real site: AIRGAP_CLUSTER_TESTS is not 1');

const AWAY_MS = 60_000;

describe('faults of a site stop an install before harm', { skip: !wanted, timeout: 1_200_000 }, () => {
  let site: FaultSite;
  let bundle = '';
  before(() => {
    site = startFaultSite('faults');
    bundle = clusterBundle(site);
  });
  after(() => site?.down());

  it('threats 100, 101, 106, 107 and 108: a webhook, a quota, an immutable field, a stored version, another manager', async () => {
    const { node } = site;
    await site.serveScript(denyingWebhook(site));
    site.install(immutableRelease(site));
    node.kubectl('wait', '-n', 'runai', '--for=condition=Available', 'deployment', '--all', '--timeout=90s');
    const webhook = askWebhook(site, '', 'services');
    site.apply(webhook, QUOTA('3'), STORED);
    const held = holdDefinition(site);
    const earlier = fingerprint(site);
    const { err } = ended(await startInstall(site, bundle).ended, 7);
    assert.match(err, /error PREFLIGHT_FAILED.*nothing was changed/);
    for (const told of [
      /"policy\.example\.com" denied the request: the policy of the site says no/,
      /quota runai\/tight allows pods 3, \d+ are asked for; to do: raise the quota/,
      /Deployment runai\/runai-scheduler: .*field is immutable/,
      /to do: .*kubectl delete deployment runai-scheduler -n runai/,
      /v0 is stored in the cluster and missing in the bundle's CRD.*; to do: .*status\.storedVersions/,
      /projects\.run\.ai: .* belongs to gitops; to do: let gitops stop managing/s,
    ])
      assert.match(err, told);
    assert.equal(fingerprint(site), earlier);
    assert.deepEqual(history(site), [{ revision: 1, status: 'deployed' }]);
    site.remove(webhook, QUOTA('3'), STORED, held);
    site.uninstall(CLUSTER);
    await site.stopServing();
  });

  it('threat 109: a release that somebody else left pending', async () => {
    leavePending(site, { ...CLUSTER, chart: 'runai-cluster', version: '2.13.1' });
    const earlier = fingerprint(site);
    const { err } = ended(await startInstall(site, bundle).ended, 9);
    assert.match(err, /error LOCKED[\s\S]*pending-install: another helm began it, since \d{4}-/);
    assert.match(err, /helm history runai-cluster -n runai/);
    assert.equal(fingerprint(site), earlier);
    clearPending(site, CLUSTER);
  });

  it('threat 108: nodes that cannot pull are found before anything of the product is touched', async () => {
    await site.serve('--bundle', bundle, '--listen', '10.99.0.2:5020');
    const flags = ['--registry', '10.99.0.2:5020'];
    const { err } = ended(await startInstall(site, bundle, ...flags).ended, 7);
    assert.match(err, /\[canary\].*start/);
    assert.match(err, /cannot pull 10\.99\.0\.2:5020\/[\s\S]*--acknowledge=registry\.pull/);
    assert.doesNotMatch(err, /\[(crds|helm:runai-cluster)\].*start/);
    assert.deepEqual(history(site), []);
    assert.equal(site.node.kubectl('get', 'pods', '-n', 'runai', '-o', 'name'), '');
    await site.stopServing();
  });

  it('threat 97: the API server is away for a minute while helm is at work', async () => {
    const running = startInstall(site, bundle, '--new-run');
    await running.said(/\[helm:runai-cluster\].*start/);
    site.node.must('stop-api');
    await sleep(AWAY_MS);
    site.node.must('start-api');
    const first = await running.ended;
    if (first.status !== 0) {
      ended(first, 6);
      assert.match(first.err, /hint: /);
      ended(await startInstall(site, bundle).ended, 0);
    }
    const rows = history(site);
    assert.equal(rows.filter(({ status }) => status === 'deployed').length, 1, JSON.stringify(rows));
    assert.ok(!rows.some(({ status }) => status.startsWith('pending')), JSON.stringify(rows));
    assert.match(ended(await startInstall(site, bundle).ended, 0).out, /is what runs; nothing was changed/);
  });
});
