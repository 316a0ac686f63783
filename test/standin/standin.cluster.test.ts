import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chartsOf } from './support.js';

const scripts = fileURLToPath(new URL('../../scripts', import.meta.url));
const env = { ...process.env, AIRGAP_NODE_NAME: `standin-test-${process.pid}` };
const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function node(...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(join(scripts, 'node'), args, { env, encoding: 'utf8' });
  return { status, out: stdout.trim(), err: stderr };
}

function must(...args: string[]): string {
  const { status, out, err } = node(...args);
  assert.equal(status, 0, `${args.join(' ')}: ${err}`);
  return out;
}

const kubectl = (...args: string[]): string => must('exec', 'kubectl', ...args);
const inBackend = (...args: string[]): string => kubectl('-n', 'runai-backend', ...args);
const sql = (text: string): string => must('psql', 'backend', text);

async function until(what: string, check: () => boolean): Promise<void> {
  for (let tries = 0; tries < 60; tries++) {
    if (check()) return;
    await sleep(500);
  }
  assert.fail(`not after 30 s: ${what}`);
}

const CLAIMS = [
  '--set=postgresql.primary.persistence.existingClaim=pvc-postgresql',
  '--set=thanos.receive.persistence.existingClaim=pvc-thanos-receive',
  '--set=global.domain=runai.test',
];
const WAIT = ['--wait', '--timeout', '90s'];

describe('the stand-in on a real node', { skip: wanted ? false : 'cluster tests are off' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'standin-cluster-'));
  let registry = '';

  before(() => {
    must('up');
    registry = /REGISTRY=(\S+)/.exec(must('env'))?.[1] ?? '';
  });
  after(() => {
    node('down');
    rmSync(folder, { recursive: true, force: true });
  });

  /** Makes a version with images in the node's registry. */
  function chart(version: string): { backend: string; cluster: string } {
    const out = join(folder, version);
    must('exec', join(scripts, 'standin'), '--version', version, '--out', out, '--registry', registry);
    return chartsOf(out);
  }
  function applyCrds(version: string): void {
    const file = join(folder, version, 'runai-crds.yaml');
    kubectl('apply', '--server-side', '--force-conflicts', '-f', file);
    kubectl('wait', '--for=condition=Established', '--timeout=60s', '-f', file);
  }

  const helm = (verb: string, release: string, ...args: string[]): Ran =>
    node('exec', 'helm', verb, release, ...args, '-n', release.replace('-cluster', ''));
  const install = (release: string, path: string, ...args: string[]): void => {
    const { status, err } = helm('install', release, path, ...args, ...WAIT);
    assert.equal(status, 0, err);
  };
  const upgrade = (path: string, ...args: string[]): Ran =>
    helm('upgrade', 'runai-backend', path, ...args, ...WAIT);

  /** A row and a file that an upgrade must not lose. */
  function fill(): void {
    sql('CREATE TABLE mine AS SELECT 42 AS x');
    inBackend(
      'exec',
      'runai-backend-thanos-receive-0',
      '--',
      'sh',
      '-c',
      'echo 43 >/var/thanos/receive/mine',
    );
  }
  function filled(): string[] {
    const file = ['exec', 'runai-backend-thanos-receive-0', '--', 'cat', '/var/thanos/receive/mine'];
    return [sql('SELECT x FROM mine'), inBackend(...file)];
  }
  const claims = (): string[] =>
    inBackend('get', 'pvc', '-o', 'jsonpath={range .items[*]}{.metadata.name}={.metadata.uid} {end}').split(
      ' ',
    );
  const keep = (): string =>
    inBackend('annotate', 'pvc', 'pvc-postgresql', 'pvc-thanos-receive', 'helm.sh/resource-policy=keep');
  async function clean(): Promise<void> {
    helm('uninstall', 'runai-backend', '--wait');
    inBackend('delete', 'pvc', '--all');
    await until('volumes gone', () => kubectl('get', 'pv', '-o', 'name') === '');
  }

  it('2.9 to 2.13: the bare upgrade fails and loses nothing; kept and named claims carry the data', async () => {
    install('runai-backend', chart('2.9.25').backend, '--set=deployment.domain=runai.test');
    assert.equal(sql('SELECT email FROM users ORDER BY id'), 'admin@run.ai\ntest@run.ai');
    assert.equal(
      sql(
        'SELECT rolname FROM pg_roles WHERE rolname IN (current_user, $$grafana$$, $$backend$$) ORDER BY 1',
      ),
      'backend\ngrafana\npostgres',
    );
    fill();
    const before = claims();
    const next = chart('2.13.66').backend;
    const bare = upgrade(next, '--set=global.domain=runai.test');
    assert.equal(bare.status, 1);
    assert.match(bare.err, /"runai-backend-postgresql" is invalid: spec: Forbidden/);
    assert.deepEqual(filled(), ['42', '43']);
    keep();
    inBackend('delete', 'ingress', 'runai-backend-ingress');
    const good = upgrade(next, ...CLAIMS);
    assert.equal(good.status, 0, good.err);
    assert.deepEqual(filled(), ['42', '43']);
    assert.deepEqual(
      claims().filter((claim) => claim.startsWith('pvc-')),
      before.filter((claim) => claim !== ''),
    );
    assert.equal(sql('SELECT version FROM schema_migrations ORDER BY 1'), '2.13.66\n2.9.25');
    await clean();
  });

  it('2.9 to 2.13: without the annotation the upgrade deletes both claims', async () => {
    install('runai-backend', chart('2.9.25').backend, '--set=deployment.domain=runai.test');
    helm('upgrade', 'runai-backend', chart('2.13.66').backend, ...CLAIMS);
    await until('claims gone', () => !claims().some((claim) => claim.startsWith('pvc-')));
    await clean();
  });

  it('2.8 to 2.13: secret and StatefulSets stand in the way, then the old passwords decide', async () => {
    const passwords = ['postgresqlPassword=s3cret', 'postgresqlPostgresPassword=s3cret-too'];
    install('runai-backend', chart('2.8.10').backend, ...passwords.map((set) => `--set=postgresql.${set}`));
    kubectl('get', 'ingressclass', 'nginx');
    kubectl('get', 'validatingwebhookconfiguration', 'runai-backend-nginx-ingress-admission');
    fill();
    keep();
    const { backend } = chart('2.13.66');
    assert.match(upgrade(backend, ...CLAIMS).err, /runai-backend-postgresql has no key password/);
    inBackend('delete', 'secret', 'runai-backend-postgresql');
    assert.match(upgrade(backend, ...CLAIMS).err, /"keycloak" is invalid: spec: Forbidden/);
    inBackend('delete', 'statefulset', 'keycloak', 'runai-backend-postgresql');
    assert.equal(
      helm('upgrade', 'runai-backend', backend, ...CLAIMS, '--wait', '--timeout', '15s').status,
      1,
    );
    const logs = inBackend('logs', 'runai-backend-postgresql-0');
    assert.match(logs, /password authentication failed for user "backend"/);
    inBackend('delete', 'secret', 'runai-backend-postgresql');
    inBackend('delete', 'statefulset', 'runai-backend-postgresql');
    const auth = ['password=s3cret', 'postgresPassword=s3cret-too'];
    const good = upgrade(backend, ...CLAIMS, ...auth.map((set) => `--set=global.postgresql.auth.${set}`));
    assert.equal(good.status, 0, good.err);
    assert.deepEqual(filled(), ['42', '43']);
    await clean();
  });

  it('2.11: the claims outlive an uninstall, and a second install finds the data', async () => {
    const { backend } = chart('2.11.4');
    install('runai-backend', backend, '--set=deployment.domain=runai.test');
    fill();
    helm('uninstall', 'runai-backend', '--wait');
    install('runai-backend', backend, '--set=deployment.domain=runai.test');
    assert.deepEqual(filled(), ['42', '43']);
    await clean();
  });

  it('the cluster: 2.8 must be uninstalled for 2.9 and leaves its traces, later ones upgrade', async () => {
    const [old, next, last] = ['2.8.10', '2.9.25', '2.20.3'].map((version) => chart(version).cluster) as [
      string,
      string,
      string,
    ];
    applyCrds('2.8.10');
    install('runai-cluster', old);
    assert.match(helm('upgrade', 'runai-cluster', next).err, /spec\.selector: Invalid value/);
    helm('uninstall', 'runai-cluster', '--wait');
    kubectl('-n', 'kube-system', 'get', 'service', 'runai-cluster-kube-prometh-kubelet');
    install('runai-cluster', next);
    const patch = '{"spec":{"limitRange":{"mine":1}}}';
    kubectl('-n', 'runai', 'patch', 'runaiconfig', 'runai', '--type=merge', '-p', patch);
    applyCrds('2.20.3');
    const upgraded = helm('upgrade', 'runai-cluster', last, ...WAIT);
    assert.equal(upgraded.status, 0, upgraded.err);
    const field = (path: string) =>
      kubectl('-n', 'runai', 'get', 'runaiconfig', 'runai', '-o', `jsonpath={${path}}`);
    assert.equal(field('.spec.limitRange.mine'), '1');
    await until(
      'RunaiConfig available',
      () => field('.status.conditions[?(@.type=="Available")].status') === 'True',
    );
  });
});
