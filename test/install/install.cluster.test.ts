import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { sameSpec } from '../../src/kube/crd-check.js';
import { type Crd, parseCrds } from '../../src/kube/crd-file.js';
import { type Ran, seeded, startNode, type TestNode } from './support/node.js';
import { IDENTITY } from './upgrade/table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
const crdFolder = process.env['AIRGAP_TEST_CRDS'];
if (!wanted) console.error('SKIPPED: install on the test node, because AIRGAP_CLUSTER_TESTS is not 1');

const seed = Number(process.env['AIRGAP_TEST_SEED'] ?? Date.now() % 1_000_000);

interface Workload {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: { readonly phase: string };
}

describe('install on a real node without a way out', { skip: !wanted, timeout: 2_700_000 }, () => {
  let site: TestNode;
  let first = '';
  let second = '';

  before(() => {
    site = startNode('install');
    first = site.bundle('2.13.66');
    second = site.bundle('2.16.79');
    console.error(`install: seed ${seed} (AIRGAP_TEST_SEED gives it again)`);
  });
  after(() => site?.down());

  const flags = (): string[] => [
    '--registry',
    site.registry,
    '--plain-http',
    '--domain',
    'runai.test',
    '--timeout',
    '4m',
  ];
  const install = (file: string, ...more: string[]): Promise<Ran> => site.airgap('install', file, ...more);
  const ended = (ran: Ran, status: number): Ran => {
    assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
    return ran;
  };
  const releases = (): { name: string; revision: string; status: string; chart: string }[] =>
    JSON.parse(site.must('exec', 'helm', 'list', '-A', '-a', '-o', 'json'));
  const pods = (): Workload[] =>
    ['runai-backend', 'runai'].flatMap(
      (namespace) => site.json('get', 'pods', '-n', namespace)['items'] as Workload[],
    );
  const count = (kind: string): number => (site.json('get', kind, '-A')['items'] as unknown[]).length;

  function assertInstalled(version: string): void {
    const found = releases().map(({ name, status, chart }) => [name, status, chart]);
    assert.deepEqual(found.sort(), [
      ['runai-backend', 'deployed', `control-plane-${version}`],
      ['runai-cluster', 'deployed', `runai-cluster-${version}`],
    ]);
    for (const pod of pods()) {
      assert.equal(pod.status.phase, 'Running', pod.metadata.name);
      for (const { image } of pod.spec.containers)
        assert.ok(image.startsWith(`${site.registry}/`), `${pod.metadata.name} runs ${image}`);
    }
  }

  function assertCrds(version: string): void {
    const folder = crdFolder ?? '';
    const file = parseCrds(readFileSync(join(folder, `${version}.yaml`), 'utf8'), version);
    const live = new Map((site.json('get', 'crd')['items'] as Crd[]).map((crd) => [crd.metadata.name, crd]));
    for (const crd of file) {
      const there = live.get(crd.metadata.name);
      assert.ok(there && sameSpec(crd.spec, there.spec), `${crd.metadata.name} is not the file’s`);
    }
  }

  /**
   * Kills the process with SIGKILL, each time a random moment after a line of its output, and starts the same
   * command again; helm is not killed with it.
   */
  async function withKills(args: readonly string[], moments: readonly RegExp[]): Promise<Ran> {
    const random = seeded(seed + moments.length + args.length);
    let earlier = '';
    for (const moment of moments) {
      const running = site.start(args);
      // A run that came further than it should before the kill will not say it again: then any moment serves.
      const awaited = moment.test(earlier) ? Promise.resolve() : running.said(moment);
      const seen = await Promise.race([awaited.then(() => true), running.ended.then(() => false)]);
      const after = random() * 2500;
      if (seen) await Promise.race([sleep(after), running.ended]);
      const alive = running.child.exitCode === null;
      running.child.kill('SIGKILL');
      const ran = await running.ended;
      earlier += ran.err;
      const last = ran.err.trim().split('\n').at(-1);
      console.error(
        `install: ${alive ? 'killed' : 'ended'} ${Math.round(after)} ms after ${moment}: ${last}`,
      );
      assert.ok(seen, `never saw ${moment}: ${ran.err}`);
    }
    return site.start(args).ended;
  }

  it('a dry run shows the plan and changes nothing', async () => {
    const before = { events: count('secrets'), leases: count('leases'), maps: count('configmaps') };
    const { out } = ended(await install(first, ...flags(), '--dry-run'), 0);
    assert.match(out, /Plan, 8 steps/);
    assert.match(out, /~ global\.domain: "" -> "runai\.test"/);
    const json = JSON.parse(ended(await install(first, ...flags(), '--dry-run', '-o', 'json'), 0).out);
    assert.equal(json.outcome, 'planned');
    const ids = json.steps.map((step: { id: string }) => step.id);
    assert.deepEqual(ids, [
      'push',
      'canary',
      'helm:runai-backend',
      'wait:runai-backend',
      'crds',
      'helm:runai-cluster',
      'wait:runai-cluster',
      'prove:images',
    ]);
    assert.deepEqual(
      { events: count('secrets'), leases: count('leases'), maps: count('configmaps') },
      before,
    );
    assert.deepEqual(releases(), []);
  });

  it('without a terminal and without --yes it stops at once, after the plan', async () => {
    const ran = ended(await install(first, ...flags()), 2);
    assert.match(ran.out, /Plan, 8 steps/);
    assert.match(ran.err, /error CONFIRMATION_NEEDED/);
    assert.equal(count('leases') >= 0 && releases().length, 0);
  });

  it('threat 96: an unknown context is answered with the known ones; a site without a registry with the flag', async () => {
    const wrong = ended(await install(first, ...flags(), '--context', 'prod'), 6);
    assert.match(wrong.err, /no context prod[\s\S]*one of: install-/);
    const none = ended(await install(first, '--domain', 'runai.test', '--dry-run'), 2);
    assert.match(none.err, /--registry HOST/);
  });

  it('threat 101: CRDs of 2.9.25, applied by plain kubectl before, and stored objects', {
    skip: !crdFolder,
  }, () => {
    site.kubectl('apply', '-f', join(crdFolder ?? '', '2.9.25.yaml'));
    assertCrds('2.9.25');
  });

  it('threat 82: installs, killed at three random moments, and goes on each time', async () => {
    const args = ['install', first, ...flags(), '--yes'];
    const ran = ended(
      await withKills(args, [
        /\[push\].*start/,
        /\[helm:runai-backend\].*start/,
        /\[(crds|helm:runai-cluster)\].*start/,
      ]),
      0,
    );
    assert.match(ran.out, /is installed|nothing was changed/);
    assertInstalled('2.13.66');
    for (const { name } of releases()) {
      const history = JSON.parse(
        site.must(
          'exec',
          'helm',
          'history',
          name,
          '-n',
          name === 'runai-backend' ? name : 'runai',
          '-o',
          'json',
        ),
      );
      assert.ok(history.filter((row: { status: string }) => row.status === 'deployed').length === 1);
      assert.ok(!history.some((row: { status: string }) => row.status.startsWith('pending')));
    }
  });

  it('the live CRDs are the file’s, also over those that kubectl applied', { skip: !crdFolder }, () => {
    assertCrds('2.13.66');
  });

  it('a second install needs no flags, changes nothing, and says so', async () => {
    const before = releases();
    const locks = site.kubectl(
      '-n',
      'kube-system',
      'get',
      'lease',
      'airgap-lock',
      '-o',
      'jsonpath={.metadata.resourceVersion}',
    );
    const { out } = ended(await install(first, '--yes'), 0);
    assert.match(out, /is what runs; nothing was changed/);
    assert.deepEqual(releases(), before);
    assert.equal(
      site.kubectl(
        '-n',
        'kube-system',
        'get',
        'lease',
        'airgap-lock',
        '-o',
        'jsonpath={.metadata.resourceVersion}',
      ),
      locks,
    );
  });

  it('threat 95: everything that the run left is for its owner only', () => {
    const folder = join(site.stateDir, 'airgap');
    for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const { mode } = statSync(join(folder, entry));
      assert.equal(mode & 0o077, 0, `${entry}: ${(mode & 0o777).toString(8)}`);
    }
  });

  it('a foreign image in a running pod is named by the proof', async () => {
    site.kubectl(
      '-n',
      'runai',
      'run',
      'intruder',
      `--image=${site.registry}/airgap-node/busybox:1`,
      '--restart=Never',
    );
    site.kubectl('-n', 'runai', 'wait', '--for=condition=Ready', 'pod/intruder', '--timeout=60s');
    const { err } = ended(await install(first, '--yes'), 6);
    assert.match(err, /error IMAGE_PROOF[\s\S]*runai\/intruder, container intruder/);
    site.kubectl('-n', 'runai', 'delete', 'pod', 'intruder', '--now');
  });

  it('threat 109: a release that somebody else left pending is not touched', async () => {
    const values = join(site.folder, 'pending.yaml');
    site.must('exec', 'sh', '-c', `helm get values runai-backend -n runai-backend -o yaml > ${values}`);
    const hang =
      'printf "apiVersion: v1\\nkind: Pod\\nmetadata: {name: hang, annotations: {helm.sh/hook: pre-upgrade}}\\nspec: {containers: [{name: c, image: nowhere.invalid/x:1}]}\\n"';
    const chart = join(site.folder, 'hang');
    site.must(
      'exec',
      'sh',
      '-c',
      `mkdir -p ${chart} && tar xzf ${join(site.folder, 'standin-2.13.66', 'charts', 'control-plane-2.13.66.tgz')} -C ${chart} && ${hang} > ${chart}/control-plane/templates/hang.yaml`,
    );
    // Killed when the release is pending: what a lost host or an operator's Ctrl-C leaves behind.
    const script = `
      helm upgrade runai-backend ${chart}/control-plane -n runai-backend -f ${values} & helm=$!
      for try in $(seq 300); do
        kubectl -n runai-backend get secret -l owner=helm,status=pending-upgrade -o name | grep -q . && break
        sleep 0.2
      done
      kill -KILL $helm`;
    site.must('exec', 'bash', '-c', script);
    const { err } = ended(await install(second, '--yes', ...IDENTITY), 9);
    assert.match(err, /error LOCKED[\s\S]*pending-upgrade[\s\S]*helm history runai-backend -n runai-backend/);
    site.must('exec', 'helm', 'rollback', 'runai-backend', '-n', 'runai-backend', '--no-hooks');
    site.node('exec', 'kubectl', '-n', 'runai-backend', 'delete', 'pod', 'hang', '--now');
  });

  it('threat 114: upgrades with what was customised, killed three times; the data stays', async () => {
    site.must('psql', 'backend', "create table if not exists kept (x text); insert into kept values ('row')");
    ended(await install(first, '--yes', '--backend-set', 'backend.logLevel=debug'), 0);
    const args = [
      'install',
      second,
      '--yes',
      '--timeout',
      '4m',
      ...IDENTITY,
      '--cluster-set',
      'cluster.url=https://one.runai.test',
    ];
    ended(
      await withKills(args, [
        /\[save\].*start/,
        /\[helm:runai-backend\].*start/,
        /\[helm:runai-cluster\].*start/,
      ]),
      0,
    );
    assertInstalled('2.16.79');
    const values = JSON.parse(
      site.must('exec', 'helm', 'get', 'values', 'runai-backend', '-n', 'runai-backend', '-o', 'json'),
    );
    assert.equal(values.backend.logLevel, 'debug');
    assert.equal(values.global.domain, 'runai.test');
    assert.equal(site.must('psql', 'backend', 'select x from kept'), 'row');
    ended(await install(second, '--yes'), 0);
  });

  it('threats 83 and 136: Ctrl-C ends between two steps and names the command; no secret is left in the open', async () => {
    const secret = 'canary-7f3a91c2';
    const values = join(site.folder, 'secret.yaml');
    writeFileSync(values, JSON.stringify({ grafana: { adminPassword: secret } }), { mode: 0o600 });
    const running = site.start(['install', second, '--yes', '--verbose', '--backend-values', values]);
    await running.said(/\[save\].*start/);
    running.child.kill('SIGINT');
    const stopped = ended(await running.ended, 10);
    assert.match(stopped.err, /error INTERRUPTED[\s\S]*hint: go on with: airgap install/);
    const holder = [
      '-n',
      'kube-system',
      'get',
      'lease',
      'airgap-lock',
      '-o',
      'jsonpath={.spec.holderIdentity}',
    ];
    assert.equal(site.kubectl(...holder), '', 'the cluster is given back');
    const resumed = ended(await install(second, '--yes', '--verbose'), 0);
    const found = JSON.parse(
      site.must('exec', 'helm', 'get', 'values', 'runai-backend', '-n', 'runai-backend', '-o', 'json'),
    );
    assert.equal(found.grafana.adminPassword, secret, 'resuming needs no flags');
    const open = [stopped.out, stopped.err, resumed.out, resumed.err];
    open.push(site.kubectl('-n', 'kube-system', 'get', 'configmap', 'airgap-run', '-o', 'json'));
    const folder = join(site.stateDir, 'airgap');
    for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
      if (/(run|plan)\.json$|\.jsonl$/.test(entry)) open.push(readFileSync(join(folder, entry), 'utf8'));
    assert.ok(open.length > 6);
    for (const text of open) assert.ok(!text.includes(secret));
  });

  it('threat 88: a second run at once is refused', async () => {
    const args = ['install', second, '--yes', '--backend-set', 'backend.logLevel=warn'];
    const one = site.start(args);
    let second_: Ran | undefined;
    for (let tries = 0; tries < 20 && second_?.status !== 9; tries++) {
      await sleep(1500);
      second_ = await site.start(args).ended;
      if (one.child.exitCode !== null) break;
    }
    ended(await one.ended, 0);
    assert.equal(second_?.status, 9, second_?.err);
    assert.match(second_?.err ?? '', /error LOCKED/);
  });

  it('threat 109: what our own killed helm left pending is repaired by the run that goes on', async () => {
    const running = site.start(['install', second, '--yes', '--backend-set', 'backend.logLevel=error']);
    await running.said(/\[save\].*start/);
    running.child.kill('SIGKILL');
    await running.ended;
    const [runFolder = ''] = readdirSync(join(site.stateDir, 'airgap', 'runs'), {
      recursive: true,
      encoding: 'utf8',
    })
      .filter((name) => /\/\d{8}T\d{6}Z-[0-9a-f]+$/.test(name))
      .sort()
      .slice(-1);
    const runId = runFolder.split('/').at(-1) ?? '';
    const last = releases().find(({ name }) => name === 'runai-backend');
    leavePending(Number(last?.revision), runId);
    assert.match(releases().find(({ name }) => name === 'runai-backend')?.status ?? '', /pending-upgrade/);
    const { err } = ended(await site.start(['install', second, '--yes']).ended, 0);
    assert.match(err, /was left pending-upgrade/);
    assertInstalled('2.16.79');
  });

  /** The next revision as helm writes it before it changes anything. */
  function leavePending(revision: number, runId: string): void {
    const name = `sh.helm.release.v1.runai-backend.v${revision}`;
    const secret = site.json('-n', 'runai-backend', 'get', 'secret', name) as unknown as {
      data: { release: string };
      metadata: { labels: Record<string, string> };
    };
    const packed = Buffer.from(Buffer.from(secret.data.release, 'base64').toString('utf8'), 'base64');
    const release = JSON.parse(gunzipSync(packed).toString('utf8'));
    const next = {
      ...release,
      version: revision + 1,
      info: { ...release.info, status: 'pending-upgrade', description: 'Preparing upgrade' },
    };
    const file = join(site.folder, 'pending.json');
    const object = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'helm.sh/release.v1',
      metadata: {
        name: `sh.helm.release.v1.runai-backend.v${revision + 1}`,
        namespace: 'runai-backend',
        labels: {
          ...secret.metadata.labels,
          version: String(revision + 1),
          status: 'pending-upgrade',
          'airgap-run': runId,
        },
      },
      data: { release: Buffer.from(gzipSync(JSON.stringify(next)).toString('base64')).toString('base64') },
    };
    writeFileSync(file, JSON.stringify(object), { mode: 0o600 });
    site.kubectl('create', '-f', file);
  }

  it('helm 4 goes on with releases that helm 3 made, and an older bundle is refused', async () => {
    const helm4 = site.must('exec', 'sh', '-c', 'command -v helm4');
    ended(
      await install(second, '--yes', '--helm', helm4, '--cluster-set', 'cluster.url=https://two.runai.test'),
      0,
    );
    assertInstalled('2.16.79');
    const old = ended(await install(first, '--yes'), 11);
    assert.match(old.err, /newer than the bundle/);
  });
});
