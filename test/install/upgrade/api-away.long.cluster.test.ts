import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { demandDeletedOnce } from '../rollback/as-before.js';
import type { Ran } from '../support/node.js';
import { demandKept } from './furnish.js';
import { demandCommitted } from './kills.js';
import { openSite, type PathRun, recordOf, type UpgradeSite } from './site.js';
import { sourceOf } from './table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: upgrades without an API server, because AIRGAP_CLUSTER_TESTS is not 1');

const AWAY_MS = 60_000;

/** Steps at whose start the API server goes, in the order in which an upgrade of 2.8 comes by. */
const MOMENTS = [
  'delete:secret/runai-backend-postgresql',
  'delete:statefulset/runai-backend-postgresql',
  'helm:runai-backend',
  'helm-uninstall:runai-cluster',
  'restore:runaiconfig',
];

describe('the API server is away for a minute between the deletes of an upgrade', {
  skip: !wanted,
  timeout: 3_600_000,
}, () => {
  let site: UpgradeSite;
  before(() => {
    site = openSite('api-away');
  });
  after(() => site?.down());

  it('threats 81 and 97: it waits or stops with what to do, and goes on; nothing is lost and nothing deleted twice', async () => {
    const kept = await site.putUp(sourceOf('2.8-foreign'));
    const run: PathRun = { to: '2.13.66', helm: 'helm3', acknowledge: [], state: site.newState('away') };
    const planned = (await site.planned(run)).map(({ id }) => id);
    assert.deepEqual(
      planned.filter((id) => MOMENTS.includes(id)),
      MOMENTS,
    );
    const mark = site.audit.mark();
    let running = site.begin(run);
    for (const step of MOMENTS) {
      const began = new RegExp(`\\[${step}\\].*start`);
      await Promise.race([running.said(began), running.ended.then(({ err }) => assert.match(err, began))]);
      site.node.must('stop-api');
      await sleep(AWAY_MS);
      site.node.must('start-api');
      const ended = await Promise.race([running.ended, sleep(5000)]);
      if (ended === undefined) continue;
      if (ended.status === 0) assert.equal(step, MOMENTS.at(-1), 'it lived through every minute');
      else {
        stopped(ended, step);
        running = site.begin(run);
      }
    }
    for (let last = await running.ended; last.status !== 0; last = await site.install(run)) {
      stopped(last, MOMENTS.at(-1) ?? '');
      assert.ok(recordOf(run.state).journal.filter(({ phase }) => phase === 'failed').length < 10, last.err);
    }
    demandKept(site.node, kept, run.to);
    demandCommitted(run.state);
    demandDeletedOnce(site.audit.deletionsSince(mark));
    const again = await site.install(run);
    assert.match(again.out, /nothing was changed/, again.err);
  });

  /** It says that the cluster cannot be reached, and what to do; its record says how far it came. */
  function stopped({ status, out, err }: Ran, step: string): void {
    assert.equal(status, 6, `${step}: ${out}\n${err}`);
    assert.match(err, /hint: /);
    console.error(`api-away: ${step}: ${/error [A-Z_]+.*/.exec(err)?.[0] ?? ''}`);
  }
});
