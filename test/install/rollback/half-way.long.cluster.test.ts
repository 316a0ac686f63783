import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RUN_LABEL } from '../../../src/helm/fingerprint.js';
import type { Ran } from '../support/node.js';
import { putRecords, type RecordSecret, readRecords, withStatus } from '../support/release-records.js';
import { differences } from '../upgrade/compare.js';
import { demandKept, type Kept } from '../upgrade/furnish.js';
import { demandCommitted, killsAround } from '../upgrade/kills.js';
import { acknowledgements, openSite, type PathRun, recordOf, type UpgradeSite } from '../upgrade/site.js';
import { type Path, sourceOf } from '../upgrade/table.js';
import { ACCEPT, demandAsBefore, demandDeletedOnce, ended, rollBack } from './as-before.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: rollback of stopped upgrades, because AIRGAP_CLUSTER_TESTS is not 1');

const BACKEND = { release: 'runai-backend', namespace: 'runai-backend' } as const;
const CLUSTER = { release: 'runai-cluster', namespace: 'runai' } as const;

/** An upgrade, and where its process dies. */
interface Stop extends Pick<Path, 'from' | 'to' | 'helm'> {
  readonly title: string;
  readonly at: { readonly step: string; readonly boundary: string };
}

const STOPS = {
  between: {
    title: 'the control plane is new, the cluster part was not begun',
    ...{ from: '2.12', to: '2.13.66', helm: 'helm4' },
    at: { step: `helm:${CLUSTER.release}`, boundary: 'intent' },
  },
  uninstalled: {
    title: 'the control plane is new, the old cluster part is uninstalled and the new one was not begun',
    ...{ from: '2.8', to: '2.9.25', helm: 'helm3' },
    at: { step: `helm:${CLUSTER.release}`, boundary: 'intent' },
  },
  deleted: {
    title: 'the old control plane is deleted and the new one was not begun',
    ...{ from: '2.8', to: '2.9.25', helm: 'helm3' },
    at: { step: `helm:${BACKEND.release}`, boundary: 'intent' },
  },
  pending: {
    title: 'helm was lost in the middle of the control plane',
    ...{ from: '2.12', to: '2.13.66', helm: 'helm3' },
    at: { step: `helm:${BACKEND.release}`, boundary: 'effect' },
  },
} as const satisfies Readonly<Record<string, Stop>>;

describe('rollback of upgrades that stopped half-way', { skip: !wanted, timeout: 3_600_000 }, () => {
  let site: UpgradeSite;
  let count = 0;
  before(() => {
    site = openSite('half-way');
  });
  after(() => site?.down());

  for (const stop of [STOPS.between, STOPS.pending, STOPS.uninstalled] satisfies Stop[])
    it(`threat 81: ${stop.title}: asks about the database, then everything is as before`, async () => {
      const { kept, run, old } = await stopped(stop);
      if (stop === STOPS.pending) leavePending(run);
      const half = site.dump();
      const asked = ended(await rollback(run, '--yes'), 11);
      assert.match(asked.err, /error DECISION_NEEDED[\s\S]*--accept-database-migration/);
      assert.deepEqual(differences(half, site.dump()), [], 'nothing was changed');
      const shown = ended(await rollback(run, '--dry-run', ACCEPT), 0);
      assert.match(shown.out, /it did not finish/);
      assert.match(shown.out, /What is not undone[\s\S]*changed in its database stays/);
      const { out } = ended(await rollback(run, '--yes', ACCEPT), 0);
      assert.match(out, /was taken back/);
      assert.match(out, /stays: what the newer control plane changed in its database stays/);
      demandAsBefore(site, { kept, old });
      if (stop === STOPS.between) {
        assert.match(out, /stays: definition projects\.run\.ai stays as it is now: v2 is stored/);
        assert.match(out, /stays: definitions that the run brought stay.*distributedworkloads\.run\.ai/);
      }
    });

  it(`threat 81: ${STOPS.deleted.title}: nothing has to be decided, everything is as before`, async () => {
    const { kept, run, old } = await stopped(STOPS.deleted);
    const { out } = ended(await rollback(run, '--yes'), 0);
    assert.match(out, /was taken back/);
    assert.doesNotMatch(out, /database/);
    demandAsBefore(site, { kept, old });
  });

  it('threats 81 and 119: a rollback that is itself killed at every step ends as one that is not', async () => {
    const { kept, run, old } = await stopped(STOPS.uninstalled);
    const shown = ended(await rollback(run, '--dry-run', ACCEPT, '-o', 'json'), 0);
    const { steps } = JSON.parse(shown.out) as { steps: { id: string; destructive: boolean }[] };
    const mark = site.audit.mark();
    const started = performance.now();
    const deaths: string[] = [];
    let over = '';
    for (const { step, boundary } of killsAround(steps)) {
      // What held already is recorded without an intent, and is not looked at again.
      if (step === over) continue;
      const died = await site.rollbackAndDie(run, { step, boundary });
      deaths.push(`${step}|${died}`);
      if (died === 'committed') over = step;
    }
    // The new cluster part was not begun: there is nothing left of it to delete.
    const idle = 'delete:leftovers/runai-cluster';
    assert.ok(deaths.includes(`${idle}|committed`));
    for (const { id } of steps.filter((step) => step.destructive && step.id !== idle))
      for (const boundary of ['intent', 'effect'])
        assert.ok(deaths.includes(`${id}|${boundary}`), `${id}|${boundary}`);
    for (const { release } of [BACKEND, CLUSTER])
      assert.ok(deaths.includes(`helm-rollback:${release}|effect`));
    ended(await rollback(run, '--yes', ACCEPT), 0);
    console.error(`half-way: ${deaths.length} kills, ${Math.round((performance.now() - started) / 1000)} s`);
    demandAsBefore(site, { kept, old });
    demandCommitted(run.state);
    demandDeletedOnce(site.audit.deletionsSince(mark));
  });

  it('the upgrade that was taken back is begun anew and goes through', async () => {
    const { kept, run } = await stopped(STOPS.between);
    ended(await rollback(run, '--yes', ACCEPT), 0);
    ended(await site.install(run), 0);
    demandKept(site.node, kept, run.to);
    const { out } = ended(await airgap(run, 'status', '--all'), 0);
    assert.match(out, /install, finished\n/);
    assert.match(out, /rollback, finished \(takes back run /);
    assert.match(out, /install, given-up, rolled back by run /);
  });

  /** The site of an upgrade whose process died there, with what it was before. */
  async function stopped(stop: Stop): Promise<{ kept: Kept; run: PathRun; old: Record<string, unknown> }> {
    const kept = await site.putUp(sourceOf(stop.from));
    const old = site.dump();
    const run: PathRun = {
      ...stop,
      state: site.newState(`half-way-${++count}`),
      acknowledge: await acknowledgements(site, stop),
    };
    assert.equal(await site.installAndDie(run, stop.at), stop.at.boundary);
    return { kept, run, old };
  }

  /** What is left when the host is lost while helm works: nobody ends what it began. */
  function leavePending({ state }: PathRun): void {
    const { node } = site;
    const place = {
      node,
      file: (name: string, content: unknown) => node.file(name, JSON.stringify(content)),
    };
    const records = readRecords(place, BACKEND.release, BACKEND.namespace);
    const [old, last] = records.slice(-2) as [RecordSecret, RecordSecret];
    const ours = { [RUN_LABEL]: recordOf(state).runId };
    assert.equal(last.metadata.labels[RUN_LABEL], ours[RUN_LABEL]);
    putRecords(place, BACKEND, [withStatus(old, 'deployed'), withStatus(last, 'pending-upgrade', ours)]);
    const frontend = ['deployment', 'runai-backend-frontend', '--cascade=foreground'];
    node.kubectl('delete', '-n', BACKEND.namespace, ...frontend);
  }

  const airgap = (run: PathRun, ...args: string[]): Promise<Ran> =>
    site.node.start(args, { env: { AIRGAP_STATE_DIR: run.state } }).ended;
  const rollback = (run: PathRun, ...flags: string[]): Promise<Ran> => rollBack(site, run, ...flags);
});
