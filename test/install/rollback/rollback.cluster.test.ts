import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Ran, startNode, type TestNode } from '../support/node.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: rollback on the test node, because AIRGAP_CLUSTER_TESTS is not 1');

/** A secret among the values of the upgrade. */
const CANARY = 'canary-5d20f7';

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: { readonly phase: string };
}

describe('rollback on a real node', { skip: !wanted, timeout: 1_200_000 }, () => {
  let site: TestNode;
  let older = '';
  let newer = '';
  let report = '';
  let before29 = { charts: [] as string[], claims: '', rows: '' };

  const ended = (ran: Ran, status: number): Ran => {
    assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
    return ran;
  };
  const charts = (): string[] =>
    (JSON.parse(site.must('exec', 'helm', 'list', '-A', '-o', 'json')) as { name: string; chart: string }[])
      .map(({ name, chart }) => `${name} ${chart}`)
      .sort();
  const state = () => ({
    charts: charts(),
    claims: site.kubectl(
      ...['get', 'pvc', '-n', 'runai-backend', 'pvc-postgresql', 'pvc-thanos-receive', '-o'],
      'jsonpath={range .items[*]}{.metadata.name}={.metadata.uid}={.spec.volumeName} {end}',
    ),
    rows: site.must('psql', 'backend', "select count(*), md5(string_agg(x, '' order by id)) from kept"),
  });
  const images = (): string[] =>
    ['runai-backend', 'runai'].flatMap((namespace) =>
      (site.json('get', 'pods', '-n', namespace)['items'] as Pod[]).flatMap(({ metadata, spec, status }) => {
        assert.equal(status.phase, 'Running', metadata.name);
        return spec.containers.map(({ image }) => image);
      }),
    );

  before(async () => {
    site = startNode('rollback');
    older = site.bundle('2.9.25');
    newer = site.bundle('2.13.66');
    const flags = ['--registry', site.registry, '--plain-http', '--domain', 'runai.test', '--yes'];
    ended(await site.airgap('install', older, ...flags), 0);
    site.must(
      'psql',
      'backend',
      'create table kept (id int primary key, x text); insert into kept select g, md5(g::text) from generate_series(1, 2000) g',
    );
    const patch =
      '[{"op":"add","path":"/spec/tls","value":[{"hosts":["*.runai.test"],"secretName":"star"}]}]';
    const ingress = ['-n', 'runai-backend', 'ingress', 'runai-backend-ingress'];
    site.kubectl('patch', ...ingress, '--type=json', '-p', patch);
    before29 = state();
  });
  after(() => site?.down());

  it('shows its own plan and asks for a decision about the database', async () => {
    const values = join(site.folder, 'secret.json');
    writeFileSync(values, JSON.stringify({ grafana: { adminPassword: CANARY } }), { mode: 0o600 });
    ended(await site.airgap('install', newer, '--yes', '--backend-values', values), 0);
    assert.deepEqual(charts(), [
      'runai-backend control-plane-2.13.66',
      'runai-cluster runai-cluster-2.13.66',
    ]);
    const shown = ended(await site.airgap('rollback', '--dry-run'), 11);
    assert.match(shown.err, /error DECISION_NEEDED[\s\S]*--accept-database-migration/);
    assert.match(shown.out, /roll runai-cluster back .* to revision 1, runai-cluster-2\.9\.25/);
    const json = JSON.parse(
      ended(await site.airgap('rollback', '--dry-run', '--accept-database-migration', '-o', 'json'), 0).out,
    );
    const ids = json.steps.map(({ id }: { id: string }) => id);
    assert.ok(ids.indexOf('helm-rollback:runai-cluster') < ids.indexOf('helm-rollback:runai-backend'), ids);
    ended(await site.airgap('rollback'), 11);
    assert.deepEqual(charts(), [
      'runai-backend control-plane-2.13.66',
      'runai-cluster runai-cluster-2.13.66',
    ]);
  });

  it('brings pods of the old version back, with every row, claim and hand-made patch', async () => {
    const { out } = ended(await site.airgap('rollback', '--accept-database-migration', '--yes'), 0);
    assert.match(out, /was taken back/);
    report = /report: (\S+)/.exec(out)?.[1] ?? '';
    assert.deepEqual(state(), before29);
    for (const image of images()) assert.doesNotMatch(image, /2\.13\.66/);
    assert.ok(images().some((image) => image.endsWith(':2.9.25')));
    const sets = site.kubectl('get', 'statefulsets', '-n', 'runai-backend', '-o', 'name');
    assert.doesNotMatch(sets, /redis/, 'what only the newer version has is gone');
    const { spec } = site.json(
      'get',
      'ingress',
      '-n',
      'runai-backend',
      'runai-backend-ingress',
    ) as unknown as {
      spec: { tls: { hosts: string[] }[] };
    };
    assert.ok(spec.tls.some(({ hosts }) => hosts.includes('*.runai.test')));
  });

  it('is a run of its own: the first one stays as it was, and status names both', async () => {
    const { out } = ended(await site.airgap('status', '--all'), 0);
    assert.match(out, /rollback, finished \(takes back run (\S+)\)/);
    assert.match(out, /install, finished, rolled back by run /);
    const again = ended(await site.airgap('rollback', '--dry-run'), 0);
    assert.match(again.out, /installed anew|Nothing has to be taken back/);
  });

  it('threat 136: leaves a page and JSON of what was taken back; the upgrade has its own, and status names both', async () => {
    const page = readFileSync(report, 'utf8');
    assert.match(page, /What was not undone/);
    assert.match(page, /take back runai 2\.13\.66/);
    const json = JSON.parse(readFileSync(report.replace(/html$/, 'json'), 'utf8'));
    assert.deepEqual([json.kind, json.outcome], ['rollback', 'finished']);
    assert.ok(json.steps.every((step: { state: string }) => ['done', 'found'].includes(step.state)));
    assert.ok(json.took > 1000);
    const { out } = ended(await site.airgap('status', '--run', json.origin), 0);
    const upgrade = /report {2}(\S+)/.exec(out)?.[1] ?? '';
    const before = JSON.parse(readFileSync(upgrade.replace(/html$/, 'json'), 'utf8'));
    assert.equal(before.facts.proof.ok, true);
    assert.ok(before.facts.values['runai-backend'].length > 3);
    const saved = before.saved.items.map(({ name }: { name: string }) => name);
    assert.ok(saved.includes('deleted/ingress.runai-backend-ingress.json'), saved);
    const texts = [page, readFileSync(upgrade, 'utf8'), JSON.stringify(before), JSON.stringify(json)];
    for (const text of texts) assert.ok(!text.includes(CANARY));
    assert.match(texts[1] ?? '', /adminPassword[\s\S]{0,200}\[redacted\]/);
  });

  it('threat 95: everything that it left is for its owner only', () => {
    const folder = join(site.stateDir, 'airgap');
    for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const { mode } = statSync(join(folder, entry));
      assert.equal(mode & 0o077, 0, `${entry}: ${(mode & 0o777).toString(8)}`);
      if (/(run|plan)\.json$|\.jsonl$/.test(entry)) readFileSync(join(folder, entry), 'utf8');
    }
  });
});
