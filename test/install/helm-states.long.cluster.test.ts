import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RUN_LABEL } from '../../src/helm/fingerprint.js';
import {
  CLUSTER,
  clusterBundle,
  ended,
  fingerprint,
  history,
  type Revision,
  startInstall,
} from './support/fault-install.js';
import { type FaultSite, startFaultSite } from './support/fault-site.js';
import {
  asRevision,
  begunAt,
  putRecords,
  type RecordSecret,
  readRecords,
  withStatus,
} from './support/release-records.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: helm states on a real node: AIRGAP_CLUSTER_TESTS is not 1');

const ENTRY = fileURLToPath(new URL('./support/entry.ts', import.meta.url));
/** A key that the chart has a place for, and that no check looks at. */
const SETTING = 'runai-operator.config.nvidiaDcgmExporter.namespace';
const FOREIGN = { [RUN_LABEL]: '20200101T000000Z-000000' };

/** The table of threats.md, section 3, on helm's real storage: each state as helm itself would have left it. */
describe('helm states', { skip: !wanted, timeout: 2_400_000 }, () => {
  let site: FaultSite;
  let bundle = '';
  /** Records of a release that runs: revision 1 superseded, revision 2 deployed. */
  let good: RecordSecret[] = [];
  let settings = 0;

  before(() => {
    site = startFaultSite('states');
    bundle = clusterBundle(site);
  });
  after(() => site?.down());

  /** Values that no revision has, so that there is something to do. */
  const other = (): string[] => ['--cluster-set', `${SETTING}=n${++settings}`];
  const install = (...flags: string[]) => startInstall(site, bundle, ...flags).ended;
  const records = (): RecordSecret[] => readRecords(site, CLUSTER.release, CLUSTER.namespace);
  const put = (...all: RecordSecret[]): void => putRecords(site, CLUSTER, all);
  const at = (index: number): RecordSecret => {
    const found = good.at(index);
    assert.ok(found);
    return found;
  };
  const last = (): Revision | undefined => history(site).at(-1);

  /** The run is refused with this status, says this, and leaves everything as it is. */
  async function refuses(status: number, ...told: readonly RegExp[]): Promise<void> {
    const earlier = fingerprint(site);
    const { err } = ended(await install(...other()), status);
    for (const one of told) assert.match(err, one);
    assert.equal(fingerprint(site), earlier);
  }
  async function installs(revision: number, ...flags: string[]): Promise<void> {
    ended(await install(...flags, ...other()), 0);
    assert.deepEqual(last(), { revision, status: 'deployed' });
    assert.equal(history(site).filter(({ status }) => status === 'deployed').length, 1);
  }

  it('none: installs', async () => {
    ended(await install(), 0);
    assert.deepEqual(history(site), [{ revision: 1, status: 'deployed' }]);
  });

  it('deployed, same chart and values, healthy: skips', async () => {
    const earlier = fingerprint(site);
    assert.match(ended(await install(), 0).out, /is what runs; nothing was changed/);
    assert.equal(fingerprint(site), earlier);
  });

  it('deployed, different: upgrades', async () => {
    await installs(2);
    good = records();
    assert.equal(good.length, 2);
  });

  it('deployed and not healthy: the operator decides; accepted, it is upgraded', async () => {
    const set = ['set', 'image', '-n', 'runai', 'deployment/runai-scheduler', '*=10.99.0.2:5000/nowhere:1'];
    site.node.kubectl(...set);
    await refuses(
      11,
      /error DECISION_NEEDED/,
      /deployment\/runai-scheduler: .*cannot be pulled/,
      /--acknowledge=release\.health\.runai-cluster/,
    );
    await installs(3, '--acknowledge=release.health.runai-cluster');
    good = records();
  });

  it('threat 110: failed, with an older deployed one: upgrades over it', async () => {
    put(withStatus(at(-2), 'deployed'), withStatus(at(-1), 'failed'));
    await installs(4);
    good = records();
  });

  it('threat 110: failed and nothing else: upgrades over it', async () => {
    put(withStatus(at(-1), 'failed'));
    await installs(5);
    good = records();
  });

  for (const status of ['pending-upgrade', 'pending-rollback', 'pending-install']) {
    it(`threats 109 and 110: ${status} of somebody else, by hand or by another run: honoured`, async () => {
      for (const labels of [{}, FOREIGN]) {
        put(at(-2), withStatus(at(-1), status, labels));
        await refuses(
          9,
          /error LOCKED/,
          new RegExp(`revision \\d+ is ${status}: another helm began it, since \\d{4}-\\d\\d-\\d\\d`),
          /helm rollback runai-cluster -n runai/,
        );
      }
    });
  }

  it('threat 110: uninstalling, unknown, superseded last: the operator decides', async () => {
    for (const [status, told] of [
      ['uninstalling', /is being uninstalled/],
      ['unknown', /has a state that is not known/],
      ['superseded', /is the last one and superseded: a newer one is missing/],
    ] as const) {
      put(at(-2), withStatus(at(-1), status));
      await refuses(11, /error DECISION_NEEDED/, told, /helm history runai-cluster -n runai/);
    }
  });

  it('threat 110: a record that cannot be read: the last one stops, an older one does not', async () => {
    const broken = (record: RecordSecret): RecordSecret => ({
      ...record,
      data: { release: Buffer.from('no gzip').toString('base64') },
    });
    put(at(-2), broken(at(-1)));
    await refuses(11, /error DECISION_NEEDED/, /the record of revision \d+ cannot be read/);
    put(broken(at(-2)), at(-1));
    await installs(6);
    good = records().filter((record) => Number(record.metadata.labels['version']) >= 5);
  });

  it('threat 110: a gap in the revisions changes nothing', async () => {
    put(asRevision(withStatus(at(-2), 'superseded'), 2), asRevision(at(-1), 7));
    await installs(8);
    good = records();
  });

  it('threat 110: uninstalled with its history kept: installs', async () => {
    site.node.must('exec', 'helm', 'uninstall', 'runai-cluster', '-n', 'runai', '--keep-history', '--wait');
    await installs(9);
    good = records();
  });

  for (const status of ['pending-upgrade', 'pending-rollback', 'pending-install'] as const) {
    it(`threats 109 and 110: ${status} of our own run, whose helm is gone: marked failed and gone on with`, async () => {
      const flags = other();
      const running = startInstall(site, bundle, ...flags);
      await running.said(/\[save\].*start/);
      running.child.kill('SIGKILL');
      await running.ended;
      const revision = Number(last()?.revision) + 1;
      const ours = { [RUN_LABEL]: newestRun(site) };
      put(...records(), asRevision(withStatus(records().at(-1) as RecordSecret, status, ours), revision));
      const { err } = ended(await startInstall(site, bundle).ended, 0);
      assert.match(err, new RegExp(`revision ${revision} was left ${status}`));
      assert.deepEqual(history(site).slice(-2), [
        { revision, status: 'failed' },
        { revision: revision + 1, status: 'deployed' },
      ]);
    });
  }

  it('threats 94 and 109: pending of our own run on a host that is lost: honoured while its helm may be at work, then gone on with', async () => {
    const running = startInstall(site, bundle, ...other());
    await running.said(/\[save\].*start/);
    running.child.kill('SIGKILL');
    await running.ended;
    const runId = newestRun(site);
    const revision = Number(last()?.revision) + 1;
    const left = withStatus(records().at(-1) as RecordSecret, 'pending-upgrade', { [RUN_LABEL]: runId });
    const pending = asRevision(left, revision);
    put(...records(), begunAt(pending, Date.now()));
    const flags = { registry: site.node.registry, plainHttp: true, timeout: '4m', takeover: runId };
    const second = () =>
      site.node.elsewhere('second-host').startFile(ENTRY, [bundle, JSON.stringify(flags)], {
        AIRGAP_STATE_DIR: join(site.node.folder, 'state-second'),
        AIRGAP_TEST_CLOCK_SPEED: '60',
      }).ended;
    const earlier = history(site);
    const { code, message, found } = JSON.parse(ended(await second(), 1).out) as Record<string, string>;
    assert.equal(code, 'LOCKED', `${message} ${found}`);
    assert.match(`${message} ${found}`, new RegExp(`revision ${revision} is pending-upgrade`));
    assert.deepEqual(history(site), earlier, 'nothing was changed');
    // Ten minutes are what a helm may take.
    put(...records().slice(0, -1), begunAt(pending, Date.now() - 11 * 60_000));
    const { outcome } = JSON.parse(ended(await second(), 0).out) as Record<string, string>;
    assert.equal(outcome, 'installed');
    assert.deepEqual(history(site).slice(-2), [
      { revision, status: 'failed' },
      { revision: revision + 1, status: 'deployed' },
    ]);
  });

  it('threat 110: a first install of ours that never ended, with nothing before it', async () => {
    site.uninstall(CLUSTER);
    const died = site.node.file('died', '');
    const [, clusterSet] = other();
    const flags = { registry: site.node.registry, plainHttp: true, clusterSet: [clusterSet], timeout: '4m' };
    await site.node.startFile(ENTRY, [bundle, JSON.stringify(flags)], {
      AIRGAP_TEST_DIE_AT: 'helm:runai-cluster|effect',
      AIRGAP_TEST_DIED: died,
    }).ended;
    assert.equal(readFileSync(died, 'utf8'), 'effect', 'helm is done, and nobody recorded it');
    // Put back to what a host that was lost together with its helm would have left.
    const ours = { [RUN_LABEL]: newestRun(site) };
    put(withStatus(records().at(-1) as RecordSecret, 'pending-install', ours));
    ended(await startInstall(site, bundle).ended, 0);
    assert.deepEqual(history(site), [
      // Marked failed before; helm supersedes what it upgrades, also a failed one.
      { revision: 1, status: 'superseded' },
      { revision: 2, status: 'deployed' },
    ]);
  });
});

/** Id of the run that was begun last. */
function newestRun(site: FaultSite): string {
  const folders = readdirSync(join(site.node.stateDir, 'airgap', 'runs'), {
    recursive: true,
    encoding: 'utf8',
  });
  const runs = folders
    .map((name) => name.split('/').at(-1) ?? '')
    .filter((name) => /^\d{8}T\d{6}Z-[0-9a-f]+$/.test(name));
  return runs.sort().at(-1) ?? '';
}
