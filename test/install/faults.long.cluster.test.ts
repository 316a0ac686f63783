import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CLAIM,
  CLUSTER,
  clusterBundle,
  ended,
  history,
  holdDefinition,
  QUOTA,
  startInstall,
} from './support/fault-install.js';
import { type FaultSite, startFaultSite } from './support/fault-site.js';
import { askWebhook, denyingWebhook } from './support/webhook.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: faults in the middle of a run: AIRGAP_CLUSTER_TESTS is not 1');

/** Preflight was good, and then the site changes: the run stops, says why, and the same command goes on. */
describe('faults that come in the middle of a run', { skip: !wanted, timeout: 2_400_000 }, () => {
  let site: FaultSite;
  let bundle = '';
  before(() => {
    site = startFaultSite('midway');
    bundle = clusterBundle(site);
  });
  after(() => site?.down());

  async function goesOn(): Promise<void> {
    ended(await startInstall(site, bundle).ended, 0);
    const rows = history(site);
    assert.equal(rows.at(-1)?.status, 'deployed');
    assert.equal(rows.filter(({ status }) => status === 'deployed').length, 1, JSON.stringify(rows));
  }

  it('threat 100: another manager takes a definition', async () => {
    const running = startInstall(site, bundle);
    await running.said(/\[canary\].*start/);
    const held = holdDefinition(site);
    const { err } = ended(await running.ended, 6);
    assert.match(err, /error APPLY_CONFLICT[\s\S]*belongs to gitops/);
    assert.deepEqual(history(site), []);
    site.remove(held);
    await goesOn();
    site.uninstall(CLUSTER);
  });

  it('threat 107: a webhook begins to deny', async () => {
    await site.serveScript(denyingWebhook(site));
    const running = startInstall(site, bundle);
    await running.said(/\[canary\].*start/);
    const webhook = askWebhook(site, '', 'services');
    site.apply(webhook);
    const { err } = ended(await running.ended, 6);
    assert.match(err, /error HELM_FAILED[\s\S]*the policy of the site says no[\s\S]*hint: /);
    site.remove(webhook);
    await site.stopServing();
    await goesOn();
    site.uninstall(CLUSTER);
  });

  it('threat 108: a quota becomes tight', async () => {
    const running = startInstall(site, bundle, '--timeout', '40s');
    await running.said(/\[canary\].*done/);
    site.apply(QUOTA('0'));
    const { err } = ended(await running.ended, 6);
    assert.match(err, /error NOT_HEALTHY[\s\S]*exceeded quota: tight/);
    site.remove(QUOTA('0'));
    await goesOn();
    site.uninstall(CLUSTER);
  });

  it('what an uninstall would take stops it before anything is done; marked to be kept, it outlives the old release', async () => {
    site.install({ ...CLUSTER, chart: 'runai-cluster', version: '2.8.20', objects: [CLAIM] });
    const claim = ['pvc', '-n', 'runai', CLAIM.metadata.name];
    const uid = site.node.kubectl('get', ...claim, '-o', 'jsonpath={.metadata.uid}');
    const { err } = ended(await startInstall(site, bundle).ended, 7);
    assert.match(err, /nothing was changed[\s\S]*also delete PersistentVolumeClaim kept-by-nobody/);
    assert.equal(history(site).at(-1)?.status, 'deployed');
    const line = /kubectl (annotate persistentvolumeclaim \S+ -n runai \S+=keep)/.exec(err)?.[1] ?? '';
    site.node.kubectl(...line.split(' '));
    await goesOn();
    assert.equal(site.node.kubectl('get', ...claim, '-o', 'jsonpath={.metadata.uid}'), uid);
    assert.equal(site.node.kubectl('get', ...claim, '-o', 'jsonpath={.metadata.deletionTimestamp}'), '');
    site.uninstall(CLUSTER);
    site.node.kubectl('delete', ...claim);
  });

  for (const moment of [/\[canary\].*start/, /\[wait:runai-cluster\].*start/]) {
    it(`threat 97: the API server is away for a while from ${moment} on`, async () => {
      const running = startInstall(site, bundle);
      await running.said(moment);
      site.node.must('stop-api');
      await sleep(20_000);
      site.node.must('start-api');
      const first = await running.ended;
      if (first.status !== 0) ended(first, 6);
      await goesOn();
      site.uninstall(CLUSTER);
    });
  }
});
