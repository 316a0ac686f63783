import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { comparable, type Dumped, KINDS } from '../support/objects.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const env = { ...process.env, AIRGAP_NODE_NAME: `upgrade-test-${process.pid}` };
const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';

const BACKEND_VALUES = `
deployment: { domain: runai.test }
backend: { logLevel: debug }
nginx-ingress: { controller: { service: { externalIPs: [10.99.0.9] } } }
postgresql: { postgresqlPassword: own-user-pw, postgresqlPostgresPassword: own-super-pw }
keycloak: { adminUser: root, adminPassword: own-admin-pw }
`;

function run(
  program: string,
  args: readonly string[],
  more: Record<string, string> = {},
): SpawnSyncReturns<string> {
  return spawnSync(program, args, {
    cwd: root,
    env: { ...env, ...more },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
}

function must(program: string, args: readonly string[], more: Record<string, string> = {}): string {
  const { status, stdout, stderr } = run(program, args, more);
  assert.equal(status, 0, `${program} ${args.join(' ')}: ${stderr} ${stdout.slice(-4000)}`);
  return stdout.trim();
}

const node = (...args: string[]): string => must('scripts/node', args);
const kubectl = (...args: string[]): string => node('exec', 'kubectl', ...args);

describe('the upgrade from 2.8 on a real cluster', { skip: wanted ? false : 'cluster tests are off' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-upgrade-'));
  const bundle = (version: string): string => join(folder, `${version}.tar`);
  let registry = '';
  let undisturbed: Record<string, unknown> = {};
  let before28: { claims: string; rows: string };

  /** `airgap install` as a process; `dieAt` is `step|boundary`. */
  function install(
    version: string,
    options: { flags?: Record<string, unknown>; state: string; dieAt?: string },
  ) {
    const flags = { registry, plainHttp: true, ...options.flags };
    const entry = join(root, 'test/install/support/entry.ts');
    const args = ['exec', process.execPath, '--import', 'tsx', entry, bundle(version), JSON.stringify(flags)];
    const state = join(folder, options.state);
    mkdirSync(state, { recursive: true });
    return run('scripts/node', args, {
      AIRGAP_STATE_DIR: state,
      ...(options.dieAt === undefined ? {} : { AIRGAP_TEST_DIE_AT: options.dieAt }),
    });
  }

  const outcomeOf = (ran: SpawnSyncReturns<string>): { outcome?: string; code?: string } =>
    JSON.parse(ran.stdout || '{}');
  const dataOf = () => ({
    claims: kubectl(
      'get',
      'pvc',
      '-n',
      'runai-backend',
      '-o',
      'jsonpath={range .items[*]}{.metadata.name}={.metadata.uid}={.spec.volumeName} {end}',
    ),
    rows: node('psql', 'backend', "select count(*), md5(string_agg(x, '' order by id)) from kept"),
  });
  const dump = (): Record<string, unknown> =>
    comparable(
      (JSON.parse(kubectl('get', KINDS.join(','), '-A', '-o', 'json')) as { items: Dumped[] }).items,
    );

  function demandKept(): void {
    const now = dataOf();
    assert.equal(now.rows, before28.rows, 'every row is there');
    for (const claim of before28.claims.trim().split(' ')) assert.ok(now.claims.includes(claim), claim);
    const found = kubectl(
      'exec',
      '-n',
      'runai-backend',
      'runai-backend-thanos-receive-0',
      '--',
      'find',
      '/var/thanos',
      '-name',
      'meta.json',
    );
    assert.match(found, /STANDIN/);
    const ingress = JSON.parse(
      kubectl('get', 'ing', '-n', 'runai-backend', 'runai-backend-ingress', '-o', 'json'),
    );
    assert.equal(ingress.metadata.annotations['cert-manager.io/issuer'], 'corp');
    assert.ok(ingress.spec.tls.some((entry: { hosts: string[] }) => entry.hosts.includes('*.runai.test')));
    for (const kept of ['secret/by-hand', 'secret/runai-backend-tls'])
      kubectl('get', '-n', 'runai-backend', kept);
    kubectl('get', '-n', 'runai', 'configmap/notes');
    const config = JSON.parse(kubectl('get', 'runaiconfig', '-n', 'runai', 'runai', '-o', 'json'));
    assert.equal(config.spec.limitRange.cpu, '1');
    assert.equal(config.spec['project-controller'].createNamespaces, false);
    const binding = JSON.parse(
      kubectl('get', 'rolebinding', '-n', 'runai', 'runai-cli-index-map-editor', '-o', 'json'),
    );
    assert.ok(binding.subjects.some((subject: { name: string }) => subject.name === 'ada'));
    assert.equal(kubectl('get', 'ingressclass', '-o', 'name'), 'ingressclass.networking.k8s.io/haproxy');
  }

  before(() => {
    node('up');
    registry = /REGISTRY=(\S+)/.exec(node('env'))?.[1] ?? '';
    for (const version of ['2.8.20', '2.13.66']) {
      const out = join(folder, version);
      must('scripts/standin', ['--version', version, '--out', out]);
      const pack = ['--import', 'tsx', 'src/main.ts', 'pack', join(out, 'spec.yaml'), '-o', bundle(version)];
      must(process.execPath, pack, { PATH: `${must('scripts/tools', ['path'])}:${process.env['PATH']}` });
    }
    const values = join(folder, 'values.yaml');
    writeFileSync(values, BACKEND_VALUES);
    const flags = {
      domain: 'runai.test',
      backendValues: [values],
      clusterSet: ['runai-operator.config.project-controller.createNamespaces=false'],
    };
    const installed = install('2.8.20', { flags, state: 'state-28' });
    assert.equal(outcomeOf(installed).outcome, 'installed', installed.stdout);
    node(
      'psql',
      'backend',
      'create table kept (id int primary key, x text); insert into kept select g, md5(g::text) from generate_series(1, 5000) g',
    );
    kubectl('annotate', 'ing', '-n', 'runai-backend', 'runai-backend-ingress', 'cert-manager.io/issuer=corp');
    const tls = '[{"op":"add","path":"/spec/tls","value":[{"hosts":["*.runai.test"],"secretName":"star"}]}]';
    kubectl('patch', 'ing', '-n', 'runai-backend', 'runai-backend-ingress', '--type=json', '-p', tls);
    kubectl('create', 'secret', 'generic', '-n', 'runai-backend', 'by-hand', '--from-literal=a=b');
    kubectl('create', 'configmap', '-n', 'runai', 'notes', '--from-literal=a=b');
    kubectl(
      'patch',
      'runaiconfig',
      '-n',
      'runai',
      'runai',
      '--type=merge',
      '-p',
      '{"spec":{"limitRange":{"cpu":"1"}}}',
    );
    const ada =
      '[{"op":"add","path":"/subjects/-","value":{"kind":"User","name":"ada","apiGroup":"rbac.authorization.k8s.io"}}]';
    kubectl('patch', 'rolebinding', '-n', 'runai', 'runai-cli-index-map-editor', '--type=json', '-p', ada);
    before28 = dataOf();
    node('snapshot', 'before');
  });
  after(() => {
    run('scripts/node', ['down']);
    rmSync(folder, { recursive: true, force: true });
  });

  it('keeps every row, file, claim, patch, setting and person', () => {
    const upgraded = install('2.13.66', { state: 'state-clean' });
    assert.equal(outcomeOf(upgraded).outcome, 'installed', upgraded.stdout);
    demandKept();
    undisturbed = dump();
    const again = install('2.13.66', { state: 'state-clean' });
    assert.equal(outcomeOf(again).outcome, 'unchanged', again.stdout);
  });

  it('threat 81: killed after the intent and after the effect of every step, it ends in the same state', () => {
    node('restore', 'before');
    const [runFolder] = readdirSync(join(folder, 'state-clean', 'runs'), {
      recursive: true,
      encoding: 'utf8',
    })
      .filter((name) => name.endsWith('plan.json'))
      .map((name) => join(folder, 'state-clean', 'runs', name));
    const plan = JSON.parse(readFileSync(runFolder ?? '', 'utf8')) as {
      steps: { id: string; destructive: boolean }[];
    };
    const points = plan.steps.flatMap(({ id }) => [`${id}|intent`, `${id}|effect`]);
    let kills = 0;
    for (const dieAt of points) {
      const { signal, stdout } = install('2.13.66', { state: 'state-killed', dieAt });
      if (stdout !== '') {
        const { outcome, code } = outcomeOf({ stdout } as SpawnSyncReturns<string>);
        assert.ok(outcome !== undefined, `${dieAt}: ${code} ${stdout}`);
        break;
      }
      assert.ok(signal === 'SIGKILL' || stdout === '', dieAt);
      kills++;
    }
    const last = install('2.13.66', { state: 'state-killed' });
    assert.ok(['installed', 'unchanged'].includes(outcomeOf(last).outcome ?? ''), last.stdout);
    assert.ok(kills >= 20, `${kills} kills`);
    demandKept();
    assert.deepEqual(dump(), undisturbed);
  });

  it('no password is in the record of a run outside of what was saved', () => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /runs\/.*\/(journal\.jsonl|plan\.json|run\.json)$/.test(name),
    );
    assert.ok(files.length >= 9);
    for (const name of files)
      assert.doesNotMatch(readFileSync(join(folder, name), 'utf8'), /own-(user|super|admin)-pw/, name);
  });
});
