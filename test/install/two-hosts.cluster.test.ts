import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Ran, type Running, startNode, type TestNode } from './support/node.js';
import { type Audit, auditOf } from './upgrade/audit.js';
import { installByHand } from './upgrade/by-hand.js';
import { recordOf } from './upgrade/site.js';
import { DOMAIN } from './upgrade/table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: two hosts at one cluster, because AIRGAP_CLUSTER_TESTS is not 1');

const ENTRY = fileURLToPath(new URL('./support/entry.ts', import.meta.url));
const STEP = 'delete:ingress/runai-backend-ingress';
const INGRESS = 'ingresses runai-backend/runai-backend-ingress';
/** The three minutes for which a dead host's silence is watched, in seconds of ours. */
const SPEED = 30;

describe('two hosts at one cluster', { skip: !wanted, timeout: 600_000 }, () => {
  let node: TestNode;
  let audit: Audit;
  let bundle = '';
  let mark = 0;
  let first: Running;
  let runId = '';
  before(async () => {
    node = startNode('two-hosts');
    audit = auditOf(dirname(/KUBECONFIG=(\S+)/.exec(node.must('env'))?.[1] ?? ''));
    installByHand(node, { version: '2.9.25', backend: { deployment: { domain: DOMAIN } }, cluster: {} });
    bundle = node.bundle('2.13.66');
    mark = audit.mark();
    const died = node.file('died', '');
    first = node.startFile(ENTRY, [bundle, JSON.stringify(flags())], {
      ...{ AIRGAP_STATE_DIR: stateOf('first'), AIRGAP_TEST_DIE_AT: `${STEP}|effect` },
      ...{ AIRGAP_TEST_DIE_BY: 'SIGSTOP', AIRGAP_TEST_DIED: died },
    });
    const over = first.ended.then(({ out, err }) => assert.fail(`it ended: ${out}\n${err}`));
    while (readFileSync(died, 'utf8') === '') await Promise.race([sleep(100), over]);
    over.catch(() => {});
    runId = recordOf(stateOf('first')).runId;
  });
  after(() => {
    first?.child.kill('SIGKILL');
    node?.down();
  });

  const stateOf = (host: string): string => join(node.folder, `state-${host}`);
  const flags = (more: object = {}): object => ({
    ...{ registry: node.registry, plainHttp: true, timeout: '4m', backup: false, canary: false },
    ...more,
  });
  const words = (): string[] => [
    ...['install', bundle, '--yes', '--registry', node.registry, '--plain-http'],
    ...['--timeout', '4m', '--no-backup', '--no-canary'],
  ];
  const second = (): Promise<Ran> =>
    node.elsewhere('second-host').start(words(), { env: { AIRGAP_STATE_DIR: stateOf('second') } }).ended;
  const refused = ({ status, out, err }: Ran, found: RegExp): void => {
    assert.equal(status, 9, `${out}\n${err}`);
    assert.match(err, /error LOCKED/);
    assert.match(err, found);
  };
  /** Deletions by airgap since the first run began, without those of its own objects. */
  const deleted = (): string[] =>
    audit
      .deletionsSince(mark)
      .filter(({ by, object }) => by === 'airgap' && !/\/airgap-/.test(object))
      .map(({ object }) => object);

  it('threats 89 and 94: while one host is at work, another is refused and told who, and so is a second run of the same host', async () => {
    assert.deepEqual(deleted(), [INGRESS]);
    refused(await second(), new RegExp(`run ${runId}@${hostname()}:[0-9a-f]+ holds the cluster since`));
    const here = await node.start(words(), { env: { AIRGAP_STATE_DIR: stateOf('first') } }).ended;
    refused(here, new RegExp(`run ${runId} is at work since[\\s\\S]*process ${first.child.pid}: install`));
    assert.deepEqual(deleted(), [INGRESS]);
    assert.ok(!existsSync(join(stateOf('second'), 'runs')), 'a refused run leaves no record');
  });

  it('threats 89 and 94: the first host is lost with its record: the second goes on from the copy in the cluster once it was told so', async () => {
    first.child.kill('SIGKILL');
    assert.equal((await first.ended).status ?? 137, 137);
    // A new run would not know what the first took away: the copy in the cluster tells what that was.
    const anew = node.elsewhere('second-host').start([...words(), '--new-run'], {
      env: { AIRGAP_STATE_DIR: stateOf('second') },
    });
    const { status: asked, err: question } = await anew.ended;
    assert.equal(asked, 11, question);
    assert.match(question, new RegExp(`delete:ingress[\\s\\S]*--acknowledge=give-up@${runId}`));
    // Nobody can see from here that the first is gone: only the operator can say so, and then its silence counts.
    refused(await second(), new RegExp(`--takeover=${runId}`));
    const started = performance.now();
    const host = node.elsewhere('second-host');
    const { status, out, err } = await host.startFile(
      ENTRY,
      [bundle, JSON.stringify(flags({ takeover: runId }))],
      { AIRGAP_STATE_DIR: stateOf('second'), AIRGAP_TEST_CLOCK_SPEED: String(SPEED) },
    ).ended;
    assert.equal(status, 0, `${out}\n${err}`);
    assert.ok(performance.now() - started > 180_000 / SPEED, 'the silence was watched');
    const record = recordOf(stateOf('second'));
    assert.equal(record.runId, runId, 'it is the same run');
    const { steps } = JSON.parse(out) as { steps: { id: string; outcome: string }[] };
    const outcomes = new Map(steps.map(({ id, outcome }) => [id, outcome]));
    for (const { id } of record.steps.slice(
      0,
      record.steps.findIndex(({ id }) => id === STEP),
    ))
      assert.equal(outcomes.get(id), 'earlier', id);
    assert.equal(outcomes.get(STEP), 'done', 'begun on the first host, and gone by the UID that was saved');
    assert.ok(
      !record.journal.some(({ step, phase }) => step === STEP && phase === 'saved'),
      'nothing is saved over what the first host saved',
    );
    assert.equal(outcomes.get('helm:runai-backend'), 'done');
    assert.deepEqual(deleted(), [INGRESS], 'nothing was deleted twice');
    const charts = JSON.parse(node.must('exec', 'helm', 'list', '-A', '-o', 'json')) as { chart: string }[];
    assert.deepEqual(charts.map(({ chart }) => chart).sort(), [
      'control-plane-2.13.66',
      'runai-cluster-2.13.66',
    ]);
    const status94 = await host.start(['status'], { env: { AIRGAP_STATE_DIR: stateOf('second') } }).ended;
    assert.match(status94.out, new RegExp(`${runId}[\\s\\S]*finished`));
  });

  it('threat 94: back on the first host, a rollback knows what the second did, and stops where its copies are not to be had', async () => {
    const back = (): Promise<Ran> =>
      node.start(['rollback', '--dry-run', '--accept-database-migration', '-o', 'json'], {
        env: { AIRGAP_STATE_DIR: stateOf('first') },
      }).ended;
    const known = await back();
    assert.equal(known.status, 0, `${known.out}\n${known.err}`);
    const { steps } = JSON.parse(known.out) as { steps: { id: string; command?: string }[] };
    assert.ok(
      steps.some(({ command = '' }) => command.includes('helm rollback runai-backend')),
      known.out,
    );
    for (const name of ['helm/runai-backend/revisions.json', 'helm/runai-cluster/revisions.json']) {
      const all = JSON.parse(node.kubectl('get', 'secrets', '-n', 'kube-system', '-o', 'json')) as {
        items: { metadata: { name: string; annotations?: Record<string, string> } }[];
      };
      const copies = all.items.filter(({ metadata }) => metadata.annotations?.['airgap/saved-name'] === name);
      assert.ok(copies.length > 0, name);
      for (const { metadata } of copies) node.kubectl('delete', 'secret', '-n', 'kube-system', metadata.name);
    }
    const lost = await back();
    assert.equal(lost.status, 11, `${lost.out}\n${lost.err}`);
    assert.match(lost.err, /the saved copy of release runai-\w+ is neither here nor in the cluster/);
    assert.match(lost.err, new RegExp(`airgap rollback --run ${runId}, on the host that began the run`));
    assert.doesNotMatch(`${lost.out}\n${lost.err}`, /helm uninstall/);
    const elsewhere = ['rollback', '--dry-run', '--accept-database-migration'];
    const env = { AIRGAP_STATE_DIR: stateOf('second') };
    const there = await node.elsewhere('second-host').start(elsewhere, { env }).ended;
    assert.equal(there.status, 0, `the second host has them: ${there.out}\n${there.err}`);
  });
});
