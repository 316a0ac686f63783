import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { type Ran, type Running, startNode, type TestNode } from './support/node.js';
import { IDENTITY } from './upgrade/table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: install from a spec, because AIRGAP_CLUSTER_TESTS is not 1');

const STANDIN = fileURLToPath(new URL('../../scripts/standin', import.meta.url));
const WEB = 'http://127.0.0.1:8099';
/** Nodes ask what is on their own loopback without TLS. */
const GUARDED = '127.0.0.1:5001';

interface ChartOfSpec {
  readonly role: string;
  path?: string;
  repo?: string;
  name?: string;
  version?: string;
}

interface Container {
  readonly image: string;
  readonly imageID: string;
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly Container[] };
  readonly status: { readonly phase: string; readonly containerStatuses: readonly Container[] };
}

/** The node's registry plays the vendor's: its images are named where they lie. Charts and CRDs come over HTTP. */
describe('a connected site installs from a spec', { skip: !wanted, timeout: 1_800_000 }, () => {
  let site: TestNode;
  let web: Running;
  let first = '';
  let second = '';

  before(async () => {
    site = startNode('connected');
    first = release('2.13.66');
    second = release('2.16.79');
    web = site.startScript(`
      import { createServer } from 'node:http';
      import { readFile } from 'node:fs/promises';
      import { join, normalize } from 'node:path';
      createServer(async (request, response) => {
        const path = join(${JSON.stringify(site.folder)}, normalize(decodeURIComponent(request.url ?? '/')));
        const bytes = await readFile(path).catch(() => undefined);
        response.writeHead(bytes ? 200 : 404).end(bytes);
      }).listen(8099, '127.0.0.1', () => console.error('serving'));
    `);
    await Promise.race([web.said(/serving/), web.ended]);
  });
  after(() => {
    web?.child.kill('SIGKILL');
    site?.down();
  });

  /** A stand-in whose images the registry has, and a spec that takes charts and CRDs from the web. */
  function release(version: string, registry = site.registry): string {
    const name = `standin-${version}${registry === site.registry ? '' : '-guarded'}`;
    const folder = join(site.folder, name);
    mkdirSync(folder);
    site.must('exec', STANDIN, '--version', version, '--out', folder, '--registry', registry);
    const charts = `${WEB}/${name}/charts`;
    site.must('exec', 'helm', 'repo', 'index', join(folder, 'charts'), '--url', charts);
    const file = join(folder, 'spec.yaml');
    const spec = parse(readFileSync(file, 'utf8')) as { charts: ChartOfSpec[]; crds: unknown[] };
    for (const chart of spec.charts) {
      const [, chartName = ''] = /([a-z-]+)-\d[^/]*\.tgz$/.exec(chart.path ?? '') ?? [];
      delete chart.path;
      Object.assign(chart, { repo: charts, name: chartName, version });
    }
    spec.crds = [{ url: `${WEB}/${name}/runai-crds.yaml` }];
    writeFileSync(file, stringify(spec));
    return file;
  }

  const install = (file: string, ...more: string[]): Running =>
    site.start(['install', file, '--domain', 'runai.test', '--timeout', '4m', ...more]);
  const ended = async (running: Running, status: number): Promise<Ran> => {
    const ran = await running.ended;
    assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
    return ran;
  };
  const pods = (): Pod[] =>
    ['runai-backend', 'runai'].flatMap(
      (namespace) => site.json('get', 'pods', '-n', namespace)['items'] as Pod[],
    );

  function assertInstalled(version: string): void {
    const found = JSON.parse(site.must('exec', 'helm', 'list', '-A', '-a', '-o', 'json')) as Record<
      string,
      string
    >[];
    assert.deepEqual(found.map(({ name, status, chart }) => [name, status, chart]).sort(), [
      ['runai-backend', 'deployed', `control-plane-${version}`],
      ['runai-cluster', 'deployed', `runai-cluster-${version}`],
    ]);
    for (const { metadata, spec, status } of pods()) {
      assert.equal(status.phase, 'Running', metadata.name);
      for (const { image } of spec.containers)
        assert.match(
          image,
          new RegExp(`^${site.registry}/[^/]+/`),
          'the vendor’s own path below its registry',
        );
    }
    const values = site.must(
      'exec',
      'helm',
      'get',
      'values',
      'runai-backend',
      '-n',
      'runai-backend',
      '-o',
      'json',
    );
    assert.ok(!values.includes(site.registry), `nothing is redirected: ${values}`);
  }

  it('plan and preflight: nothing is pushed or redirected, the rest is as ever', async () => {
    const { out } = await ended(install(first, '--dry-run'), 0);
    assert.match(out, /^runai 2\.13\.66 \(from /);
    assert.match(out, /images {4}left where the charts name them/);
    assert.doesNotMatch(out, /push all images|[+~] global\.image\.registry/);
    const json = JSON.parse((await ended(install(first, '--dry-run', '-o', 'json'), 0)).out);
    assert.deepEqual(
      json.steps.map((step: { id: string }) => step.id),
      [
        'canary',
        'helm:runai-backend',
        'wait:runai-backend',
        'crds',
        'helm:runai-cluster',
        'wait:runai-cluster',
        'prove:images',
      ],
    );
    const rendered = json.findings.find((finding: { id: string }) => finding.id === 'images.rendered');
    assert.equal(rendered?.outcome, 'pass', JSON.stringify(rendered));
    assert.ok(!json.findings.some((finding: { id: string }) => finding.id.startsWith('registry.')));
  });

  it('threat 108: nodes that may not pull stop it before the charts; the pull secret of the namespace is used', async () => {
    const root = join(site.folder, 'guarded');
    const serve = async (...more: string[]): Promise<Running> => {
      const running = site.start(['registry', 'serve', '--root', root, '--listen', GUARDED, ...more]);
      await Promise.race([running.said(/registry at/), running.ended]);
      return running;
    };
    const stop = async ({ child, ended }: Running): Promise<void> => {
      child.kill('SIGTERM');
      await ended;
    };
    const open = await serve();
    const file = release('2.13.66', GUARDED);
    await stop(open);
    const guarded = await serve('--auth-file', site.file('users', 'puller:of-the-puller\n'));
    try {
      const auth = Buffer.from('puller:of-the-puller').toString('base64');
      const login = JSON.stringify({ auths: { [GUARDED]: { auth } } });
      const config = site.file('config.json', login);
      const env = { DOCKER_CONFIG: site.folder };
      const args = [file, '--domain', 'runai.test'];
      const refused = await ended(site.start(['install', ...args, '--yes'], { env }), 7);
      assert.match(refused.err, /error PREFLIGHT_FAILED[\s\S]*cannot pull 127\.0\.0\.1:5001\/\S+/);
      assert.match(refused.err, /--acknowledge=registry\.pull/);
      const releases = site.must('exec', 'helm', 'list', '-A', '-a', '-q');
      assert.equal(releases, '', 'no chart was begun');
      const secret = ['runai-reg-creds', '-n', 'runai-backend'];
      const from = [`--from-file=.dockerconfigjson=${config}`, '--type=kubernetes.io/dockerconfigjson'];
      site.kubectl('create', 'secret', 'generic', ...secret, ...from);
      const looked = await site.start(['preflight', ...args, '--canary', '-o', 'json'], { env }).ended;
      const { findings } = JSON.parse(looked.out || looked.err) as { findings: Record<string, string>[] };
      const pull = findings.find(({ id }) => id === 'registry.pull');
      assert.equal(pull?.['outcome'], 'pass', JSON.stringify(pull));
      site.kubectl('delete', 'secret', ...secret);
    } finally {
      await stop(guarded);
    }
    const lists = ['pods', 'secrets'].map((kind) =>
      site.kubectl('get', kind, '-n', 'runai-backend', '-o', 'name'),
    );
    assert.doesNotMatch(lists.join('\n'), /airgap-canary/);
  });

  it('killed, and the sources changed: refused; the sources as they were: the same command goes on', async () => {
    const crds = join(site.folder, 'standin-2.13.66', 'runai-crds.yaml');
    const before = readFileSync(crds);
    const running = install(first, '--yes', '--new-run');
    await Promise.race([running.said(/\[helm:runai-backend\].*start/), running.ended]);
    running.child.kill('SIGKILL');
    await running.ended;
    writeFileSync(crds, Buffer.concat([before, Buffer.from('\n# another day\n')]));
    const { err } = await ended(install(first, '--yes'), 11);
    assert.match(err, /error RUN_MISMATCH[\s\S]*bundle id/);
    writeFileSync(crds, before);
    const { out } = await ended(install(first, '--yes'), 0);
    assert.match(out, /is installed/);
    assert.match(out, /each of them what its registry gave for its name/);
    assertInstalled('2.13.66');
  });

  it('the proof compared what nodes report with what the registry gave', async () => {
    const given = new Map<string, string>();
    for (const { status } of pods())
      for (const { image, imageID } of status.containerStatuses) given.set(image, imageID);
    assert.ok(given.size > 4);
    for (const [image, imageID] of given) {
      const [, repository = '', tag = ''] = /^[^/]+\/(.+?)(?::([^:@/]+))?(?:@.*)?$/.exec(image) ?? [];
      if (tag === '') continue;
      const reference = `${site.registry}/${repository}:${tag}`;
      const digest = site.must('exec', 'crane', 'digest', '--insecure', reference);
      assert.ok(imageID.endsWith(digest), `${image}: ${imageID} is not ${digest}`);
    }
  });

  it('the same again changes nothing; the newer spec upgrades both, with what was customised', async () => {
    const { out } = await ended(install(first, '--yes'), 0);
    assert.match(out, /is what runs; nothing was changed/);
    site.must('psql', 'backend', "create table if not exists kept (x text); insert into kept values ('row')");
    await ended(install(second, '--yes', ...IDENTITY, '--backend-set', 'backend.logLevel=debug'), 0);
    assertInstalled('2.16.79');
    assert.equal(site.must('psql', 'backend', 'select x from kept'), 'row');
    const runs = readdirSync(join(site.stateDir, 'airgap', 'runs'), { recursive: true, encoding: 'utf8' });
    assert.ok(
      runs.some((name) => name.endsWith('journal.jsonl')),
      runs.join(),
    );
  });

  it('threat 30: what is older is refused, also by a host that remembers nothing', async () => {
    const lost = { env: { AIRGAP_STATE_DIR: join(site.folder, 'another-host') } };
    const { err } = await ended(site.start(['install', first, '--domain', 'runai.test', '--yes'], lost), 11);
    assert.match(err, /the cluster saw sequence 21679, this is 21366/);
    assert.match(err, /2\.16\.79 runs, which is newer/);
  });

  it('a tag that moved since the pods started is found by the proof', async () => {
    const running = pods().flatMap(({ spec }) => spec.containers.map(({ image }) => image));
    const [one = '', other = ''] = [...new Set(running.filter((image) => !image.includes('@')))];
    const nameOf = (image: string) => /^[^/]+\/(.+):([^:]+)$/.exec(image) ?? [];
    const [, from = '', fromTag = ''] = nameOf(other);
    const [, to = '', toTag = ''] = nameOf(one);
    site.must(
      'exec',
      'skopeo',
      'copy',
      '--all',
      '--src-tls-verify=false',
      '--dest-tls-verify=false',
      `docker://${site.registry}/${from}:${fromTag}`,
      `docker://${site.registry}/${to}:${toTag}`,
    );
    const { err } = await ended(install(second, '--yes'), 6);
    assert.match(err, /error IMAGE_PROOF/);
    assert.ok(err.includes(one), err);
  });
});
