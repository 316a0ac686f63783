import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { acknowledgements, openSite, type PathRun, type UpgradeSite } from './site.js';
import { sourceOf } from './table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted)
  console.error('SKIPPED: a lost database on the test node, because AIRGAP_CLUSTER_TESTS is not 1');

const OTHER = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: other, namespace: runai-backend }
spec: { accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`;

describe('an upgrade whose control plane becomes healthy on an empty volume', {
  skip: !wanted,
  timeout: 1_200_000,
}, () => {
  let site: UpgradeSite;
  before(() => {
    site = openSite('lost');
  });
  after(() => site?.down());

  it('threat 118: is not done: the database says that its rows are gone, and the cluster part is left alone', async () => {
    await site.putUp(sourceOf('2.9'));
    site.node.kubectl('apply', '-f', site.node.file('other.yaml', OTHER));
    const path = { from: '2.9', to: '2.13.66', helm: 'helm3' as const };
    const run: PathRun = {
      ...path,
      state: site.newState('lost'),
      acknowledge: await acknowledgements(site, path),
    };
    const own = ['--backend-set', 'postgresql.primary.persistence.existingClaim=other'];
    const { out } = await site.install(run, ...own, '--dry-run');
    assert.match(out, /existingClaim is other, by your own setting, and not pvc-postgresql/);
    const { status, err } = await site.install(run, ...own);
    assert.equal(status, 6, err);
    assert.match(err, /error DATABASE_LOST: the database lacks what it held before the upgrade/);
    assert.match(err, /backend.*(had rows and has none now|lies in another data directory, and lacks rows)/);
    assert.match(err, /before-\S+\.backup.*airgap rollback --run \S+ --dry-run/);
    const releases = JSON.parse(site.node.must('exec', 'helm', 'list', '-A', '-o', 'json')) as {
      name: string;
      chart: string;
    }[];
    assert.equal(releases.find(({ name }) => name === 'runai-cluster')?.chart, 'runai-cluster-2.9.25');
    const again = await site.install(run, ...own);
    assert.equal(again.status, 6);
    assert.match(again.err, /error DATABASE_LOST/, 'it does not go on by itself');
  });
});
