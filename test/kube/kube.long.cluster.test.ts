import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Ran, startNode, type TestNode } from '../install/support/node.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
const crds = process.env['AIRGAP_TEST_CRDS'];
if (!wanted)
  console.error('SKIPPED: the Kubernetes client on the test node, because AIRGAP_CLUSTER_TESTS is not 1');

const source = (name: string): string =>
  JSON.stringify(fileURLToPath(new URL(`../../src/kube/${name}.ts`, import.meta.url)));
const HEAD = `
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { connect } from ${source('client')};
import { applyCrds, readLiveCrds } from ${source('crd-apply')};
import { sameSpec } from ${source('crd-check')};
import { parseCrds } from ${source('crd-file')};
import { RESOURCES } from ${source('resources')};
import { startExecProxy } from ${JSON.stringify(fileURLToPath(new URL('./support/exec-proxy.ts', import.meta.url)))};`;

/** What a script inside the node's network printed last, as JSON. */
type Told = Record<string, unknown>;

describe('the Kubernetes client on a real API server', { skip: !wanted, timeout: 600_000 }, () => {
  let node: TestNode;
  before(() => {
    node = startNode('kube');
    node.kubectl(
      '-n',
      'default',
      'run',
      'shell',
      `--image=${node.registry}/airgap-node/busybox:1`,
      '--restart=Never',
    );
    node.kubectl('-n', 'default', 'wait', '--for=condition=Ready', 'pod/shell', '--timeout=60s');
  });
  after(() => node?.down());

  /** Runs lines of TypeScript with a client `c` in the node's network; `told` is what it printed. */
  function script(lines: string): Told {
    const ran: Ran = node.script(`${HEAD}
      const c = await connect({ env: process.env });
      const shell = (...command) => ({ namespace: 'default', pod: 'shell', container: 'shell', command });
      const tell = (value) => console.log(JSON.stringify(value));
      ${lines}
      c.close();`);
    assert.equal(ran.status, 0, ran.err);
    return JSON.parse(ran.out.trim().split('\n').at(-1) ?? '{}') as Told;
  }

  it('version, identity, groups, rights, and a list in pages', () => {
    const told = script(`
      const { minor } = await c.version();
      const pods = await c.list(RESOURCES.pods, { pageSize: 1 });
      const may = await c.mayI({ verb: 'create', group: 'apps', resource: 'deployments' });
      const claims = await c.resourceFor('networking.k8s.io/v1', 'NetworkPolicy');
      tell({ minor, uid: await c.clusterUid(), groups: await c.groups(), pods: pods.length, may, claims });`);
    assert.equal(told['minor'], 33);
    assert.equal(told['uid'], node.kubectl('get', 'ns', 'kube-system', '-o', 'jsonpath={.metadata.uid}'));
    assert.ok((told['groups'] as string[]).includes('apps'));
    assert.equal(told['pods'], (node.json('get', 'pods', '-A')['items'] as unknown[]).length);
    assert.deepEqual((told['may'] as Told)['allowed'], true);
    assert.equal((told['claims'] as Told)['plural'], 'networkpolicies');
  });

  it('threat 100: server-side apply takes over from kubectl apply, and stops before anybody else’s field', () => {
    node.must(
      'exec',
      'sh',
      '-c',
      'kubectl create configmap taken --from-literal=a=1 --dry-run=client -o yaml | kubectl apply -f -',
    );
    node.must(
      'exec',
      'sh',
      '-c',
      'kubectl create configmap foreign --from-literal=a=1 --dry-run=client -o yaml | kubectl apply --server-side --field-manager=argocd -f -',
    );
    const told = script(`
      const map = (name, a) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { a } });
      const taken = await c.apply(map('taken', '2'));
      const refused = await c.apply(map('foreign', '2')).catch((error) => ({ code: error.code, faults: error.faults }));
      tell({ taken: taken.data, refused });`);
    assert.deepEqual(told['taken'], { a: '2' });
    assert.deepEqual(told['refused'], {
      code: 'APPLY_CONFLICT',
      faults: [{ where: '.data.a', what: 'belongs to argocd' }],
    });
    assert.equal(node.kubectl('get', 'cm', 'foreign', '-o', 'jsonpath={.data.a}'), '1');
  });

  it('threat 119: a delete with a UID leaves an object of the same name alone', () => {
    const told = script(`
      const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'reborn', namespace: 'default' } };
      const first = await c.create(map);
      const name = { name: 'reborn', namespace: 'default' };
      const one = await c.delete(RESOURCES.configMaps, name, { uid: first.metadata.uid });
      await c.create(map);
      const two = await c.delete(RESOURCES.configMaps, name, { uid: first.metadata.uid });
      const there = (await c.get(RESOURCES.configMaps, name)) !== undefined;
      const conflict = await c.replace({ ...map, metadata: { ...map.metadata, resourceVersion: first.metadata.resourceVersion } });
      tell({ one, two, there, again: await c.create(map), conflict, none: await c.delete(RESOURCES.configMaps, { name: 'none', namespace: 'default' }) });`);
    assert.deepEqual(told, {
      one: 'deleted',
      two: 'other',
      there: true,
      again: 'exists',
      conflict: 'conflict',
      none: 'gone',
    });
  });

  it('the live CRDs equal the file’s for both real releases, the older one applied by plain kubectl', {
    skip: !crds,
  }, () => {
    const file = (version: string): string => join(crds ?? '', `${version}.yaml`);
    node.kubectl('apply', '-f', file('2.9.25'));
    const told = script(`
      const read = (file) => parseCrds(readFileSync(file, 'utf8'), file);
      const same = async (crds) => {
        const live = new Map((await readLiveCrds(c, crds)).map((crd) => [crd.metadata.name, crd]));
        return crds.filter((crd) => sameSpec(crd.spec, live.get(crd.metadata.name).spec)).length;
      };
      const [old, current] = [read('${file('2.9.25')}'), read('${file('2.13.66')}')];
      const before = await same(old);
      const start = performance.now();
      const report = await applyCrds(c, current);
      const took = Math.round(performance.now() - start);
      const back = await applyCrds(c, old).catch((error) => error.code);
      tell({ before, applied: report.applied.length, after: await same(current), took, back, again: (await applyCrds(c, current)).applied.length });`);
    console.error(`kube: 17 CRDs applied and established in ${told['took']} ms`);
    const { took: _took, ...rest } = told;
    assert.deepEqual(rest, {
      before: 15,
      applied: rest['applied'],
      after: 17,
      back: 'CRD_STORED_VERSION',
      again: 0,
    });
    assert.ok((rest['applied'] as number) >= 15);
  });

  it('threat 122: a stream of 400 MB out of a pod arrives byte for byte, with bounded memory', () => {
    const told = script(`
      const hash = createHash('sha256');
      let size = 0;
      let rss = 0;
      const stdout = new Writable({
        write(chunk, _encoding, done) {
          hash.update(chunk);
          size += chunk.length;
          rss = Math.max(rss, process.memoryUsage().rss);
          setImmediate(done);
        },
      });
      const start = performance.now();
      const made = 'dd if=/dev/zero bs=1048576 count=400 2>/dev/null';
      const { exitCode, protocol } = await c.exec(shell('sh', '-c', made), { stdout });
      tell({ exitCode, protocol, size, sha: hash.digest('hex'), rss, ms: Math.round(performance.now() - start) });`);
    console.error(
      `kube: 400 MiB out of a pod in ${told['ms']} ms, ${told['protocol']}, peak memory ${told['rss']} bytes`,
    );
    assert.deepEqual([told['exitCode'], told['size']], [0, 400 * 1024 * 1024]);
    const expected = createHash('sha256');
    for (let part = 0; part < 400; part++) expected.update(Buffer.alloc(1024 * 1024));
    assert.equal(told['sha'], expected.digest('hex'));
    assert.ok((told['rss'] as number) < 320 * 1024 * 1024, `${told['rss']}`);
  });

  it('a stream into a pod ends as it should, and a failing command tells its status', () => {
    const told = script(`
      const chunk = Buffer.alloc(1 << 20, 'x');
      const input = function* () { for (let i = 0; i < 50; i++) yield chunk; };
      const counted = () => ({ stdin: Readable.from(input()), endOfInput: 'counted', stallTimeout: 3000 });
      const start = performance.now();
      const into = await c.exec(shell('sh', '-c', 'sha256sum'), { stdin: Readable.from(input()) });
      const whole = await c.exec(shell('sh', '-c', 'head -c 52428800 | sha256sum'), counted());
      const early = await c.exec(shell('sh', '-c', 'head -c 10; exit 3'), counted());
      const pause = await c.exec(shell('sh', '-c', 'sleep 7; head -c 52428800 | wc -c'), counted());
      const none = await c.exec(shell('no-such-program')).then(({ exitCode }) => exitCode, (error) => error.code);
      const gone = await c.exec({ ...shell('true'), pod: 'nobody' }).catch((error) => error.code);
      const first = ({ exitCode, stdout }) => [exitCode, stdout.toString().split(' ')[0].trim()];
      tell({ into: first(into), whole: first(whole), early: first(early), pause: first(pause), none, gone });`);
    const expected = createHash('sha256');
    for (let part = 0; part < 50; part++) expected.update(Buffer.alloc(1 << 20, 'x'));
    const sum = expected.digest('hex');
    assert.deepEqual(told, {
      into: [0, sum],
      whole: [0, sum],
      early: [3, 'x'.repeat(10)],
      pause: [0, '52428800'],
      none: told['none'],
      gone: 'CLUSTER_REFUSED',
    });
    assert.ok(['EXEC_BROKEN', 127, 126, 128].includes(told['none'] as string | number), String(told['none']));
  });

  it('the same with the protocol of servers before Kubernetes 1.30', () => {
    const told = script(`
      const proxy = await startExecProxy({ kubeconfig: process.env.KUBECONFIG, protocols: ['v4.channel.k8s.io'] });
      const old = await connect({ kubeconfig: proxy.kubeconfig, env: {} });
      const chunk = Buffer.alloc(1 << 20, 'x');
      const input = function* () { for (let i = 0; i < 50; i++) yield chunk; };
      const counted = () => ({ stdin: Readable.from(input()), endOfInput: 'counted' });
      const whole = await old.exec(shell('sh', '-c', 'head -c 52428800 | wc -c'), counted());
      const early = await old.exec(shell('sh', '-c', 'head -c 10; exit 3'), counted());
      const endless = await old.exec(shell('cat'), { stdin: Readable.from(input()) }).catch((error) => error.message);
      old.close();
      await proxy.close();
      const first = ({ exitCode, stdout, protocol }) => [exitCode, stdout.toString().trim(), protocol];
      tell({ whole: first(whole), early: first(early), endless });`);
    assert.deepEqual(told, {
      whole: [0, '52428800', 'v4.channel.k8s.io'],
      early: [3, 'x'.repeat(10), 'v4.channel.k8s.io'],
      endless: 'this API server cannot end the input of a command',
    });
  });

  it('threat 123: the pod, or what runs in it, is killed in the middle of a stream either way', () => {
    const told = script(`
      const { execFileSync } = await import('node:child_process');
      const kubectl = (...words) => execFileSync('kubectl', ['-n', 'default', ...words], { encoding: 'utf8' });
      const image = kubectl('get', 'pod', 'shell', '-o', 'jsonpath={.spec.containers[0].image}');
      for (const pod of ['one', 'two', 'three']) kubectl('run', pod, '--image=' + image, '--restart=Always');
      kubectl('wait', '--for=condition=Ready', 'pod/one', 'pod/two', 'pod/three', '--timeout=60s');
      const chunk = Buffer.alloc(1 << 20, 'x');
      const input = function* () { for (let i = 0; i < 50; i++) yield chunk; };
      const into = (pod) => [
        { namespace: 'default', pod, container: pod, command: ['sh', '-c', 'sleep 1000; head -c 10'] },
        { stdin: Readable.from(input()), endOfInput: 'counted', stallTimeout: 3000 },
      ];
      const stdout = new Writable({ write: (_chunk, _encoding, done) => setImmediate(done) });
      const out = { namespace: 'default', pod: 'three', container: 'three', command: ['cat', '/dev/zero'] };
      const code = (work) => work.then(({ exitCode }) => exitCode, (error) => error.code + ': ' + error.found);
      const running = [code(c.exec(...into('one'))), code(c.exec(...into('two'))), code(c.exec(out, { stdout }))];
      await new Promise((done) => setTimeout(done, 3000));
      kubectl('delete', 'pod', 'one', '--force', '--grace-period=0');
      kubectl('exec', 'two', '--', 'sh', '-c', 'for p in /proc/[0-9]*; do [ "$(tr "\\\\0" " " <$p/cmdline)" = "sleep 1000 " ] && kill $(basename $p); done; true');
      kubectl('delete', 'pod', 'three', '--grace-period=1', '--wait=false');
      const [one, two, three] = await Promise.all(running);
      tell({ one, two, three });`);
    console.error(`kube: killed in the middle: ${JSON.stringify(told)}`);
    assert.match(String(told['one']), /^(EXEC_BROKEN: |137|143)/);
    // What was killed is not the command itself, which then reads on.
    assert.equal(told['two'], 0);
    assert.match(String(told['three']), /^(EXEC_BROKEN: |137|143)/);
  });

  it('threat 97: the API server stops for a while in the middle of the work', async () => {
    const running = node.startScript(`${HEAD}
      const notes = [];
      const c = await connect({ env: process.env, emit: (event) => notes.push(event) });
      await c.version();
      console.error('ready');
      await new Promise((done) => process.stdin.once('data', done));
      const pods = await c.list(RESOURCES.pods);
      const late = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late', namespace: 'default' } };
      await c.apply(late);
      console.log(JSON.stringify({ pods: pods.length, notes: notes.length }));
      process.exit(0);`);
    await running.said(/ready/);
    node.must('stop-api');
    running.child.stdin?.write('go\n');
    await sleep(4000);
    node.must('start-api');
    const ran = await running.ended;
    assert.equal(ran.status, 0, ran.err);
    const told = JSON.parse(ran.out.trim().split('\n').at(-1) ?? '{}') as Told;
    assert.ok((told['pods'] as number) > 0);
    assert.ok((told['notes'] as number) >= 1, 'it is said that the server does not answer');
  });
});
