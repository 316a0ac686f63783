import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { demandCommitted, killsAround } from '../upgrade/kills.js';
import { openSite, type PathRun, type UpgradeSite } from '../upgrade/site.js';
import { sourceOf } from '../upgrade/table.js';
import { ACCEPT, type Before, demandAsBefore, demandDeletedOnce, ended, rollBack } from './as-before.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: rollback of a finished upgrade, because AIRGAP_CLUSTER_TESTS is not 1');

const FROM = '2.8-foreign';
const TO = '2.13.66';

/** What half-way tests do not have: there is no newer cluster part yet. */
const STEPS = [
  'helm-uninstall:runai-cluster',
  'delete:leftovers/runai-cluster',
  'restore:record/runai-cluster',
  'helm-rollback:runai-cluster',
];

interface Config {
  readonly metadata: { readonly finalizers?: readonly string[]; readonly deletionTimestamp?: string };
}

describe('rollback of a finished upgrade that reinstalled the cluster part', {
  skip: !wanted,
  timeout: 3_600_000,
}, () => {
  let site: UpgradeSite;
  before(() => {
    site = openSite('finished');
  });
  after(() => site?.down());

  it('threat 81: the newer cluster part goes with what waits for its operator, then everything is as before', async () => {
    const { before28, run } = await upgraded('finished');
    assert.deepEqual(config().metadata.finalizers, ['run.ai/runaiconfig'], 'nobody answers it here');
    const shown = ended(await rollBack(site, run, '--dry-run', ACCEPT), 0);
    assert.match(shown.out, /delete what the newer runai-cluster left.*\[DESTRUCTIVE\]/);
    const { out } = ended(await rollBack(site, run, '--yes', ACCEPT), 0);
    assert.match(out, /was taken back/);
    assert.match(out, /stays: claims that .* made stay, .*data-runai-backend-redis-queue-master-0/);
    assert.match(out, /stays: the TLS secret that was made from the values stays/);
    assert.equal(config().metadata.deletionTimestamp, undefined, 'what helm made again is not about to go');
    demandAsBefore(site, before28);
  });

  it('threats 81 and 119: killed around every step that brings the old cluster part back, it ends so too', async () => {
    const { before28, run } = await upgraded('killed');
    const mark = site.audit.mark();
    for (const { step, boundary } of killsAround(STEPS.map((id) => ({ id }))))
      assert.equal(await site.rollbackAndDie(run, { step, boundary }), boundary);
    ended(await rollBack(site, run, '--yes', ACCEPT), 0);
    assert.equal(config().metadata.deletionTimestamp, undefined);
    demandAsBefore(site, before28);
    demandCommitted(run.state);
    demandDeletedOnce(site.audit.deletionsSince(mark));
  });

  /** The site of 2.8 after its upgrade ended well, with what it was before. */
  async function upgraded(label: string): Promise<{ before28: Before; run: PathRun }> {
    const kept = await site.putUp(sourceOf(FROM));
    const old = site.dump();
    const run: PathRun = { to: TO, helm: 'helm4', acknowledge: [], state: site.newState(label) };
    ended(await site.install(run), 0);
    return { before28: { kept, old }, run };
  }

  const config = (): Config =>
    site.node.json('-n', 'runai', 'get', 'runaiconfig', 'runai') as unknown as Config;
});
