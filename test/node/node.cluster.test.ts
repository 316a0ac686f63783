import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../../scripts/node', import.meta.url));
const name = `node-test-${process.pid}`;
const env = { ...process.env, AIRGAP_NODE_NAME: name };
const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
  readonly ms: number;
}

function node(args: readonly string[], options: { input?: string; cwd?: string } = {}): Ran {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(script, args, { env, encoding: 'utf8', ...options });
  return { status, out: stdout, err: stderr, ms: performance.now() - start };
}

function must(args: readonly string[], options: { input?: string } = {}): string {
  const ran = node(args, options);
  assert.equal(ran.status, 0, `${args.join(' ')}: ${ran.err}`);
  return ran.out.trim();
}

const kubectl = (...args: string[]): string => must(['exec', 'kubectl', ...args]);
const apply = (object: unknown): string =>
  must(['exec', 'kubectl', 'apply', '-f', '-'], { input: JSON.stringify(object) });

async function until(what: string, check: () => boolean): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    if (check()) return;
    await sleep(200);
  }
  assert.fail(`not after 30 s: ${what}`);
}

function settings(): Record<string, string> {
  const lines = must(['env']).split('\n');
  return Object.fromEntries(lines.map((line) => line.replace('export ', '').split(/=(.*)/s).slice(0, 2)));
}

const stateFolder = (): string => settings()['KUBECONFIG']!.replace('/admin.kubeconfig', '');

/** Process ids of the node's parts as this machine sees them. */
function parts(): Map<string, number> {
  const lines = node(['status']).out.trim().split('\n');
  return new Map(lines.map((line) => [line.split(/\s+/)[0]!, Number(line.split(/\s+/)[1])]));
}

function claim(claimName: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claimName, namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
}

function pod(podName: string, claimName: string): unknown {
  const image = `${settings()['REGISTRY']}/airgap-node/busybox:1`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: podName, namespace: 'default' },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'Always',
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }],
    },
  };
}

function volumeOf(claimName: string): string {
  return kubectl('get', 'pvc', claimName, '-o', 'jsonpath={.spec.volumeName}');
}

if (!wanted) console.error('SKIPPED: tests of the test node, because AIRGAP_CLUSTER_TESTS is not 1');

describe('test node', { skip: !wanted, timeout: 300_000 }, () => {
  before(() => {
    const up = node(['up']);
    assert.equal(up.status, 0, up.err);
  });
  after(() => {
    node(['down']);
  });

  it('is up once: a second up does nothing', () => {
    const init = parts().get('init');
    const again = node(['up']);
    assert.equal(again.status, 0);
    assert.match(again.err, /already up/);
    assert.equal(parts().get('init'), init);
  });

  it('exec keeps working directory, standard input, arguments and exit status', () => {
    const ran = node(['exec', 'sh', '-c', 'pwd; cat; echo "$1"; exit 7', 'sh', "two words ' $HOME"], {
      input: 'from stdin\n',
      cwd: '/usr',
    });
    assert.equal(ran.out, "/usr\nfrom stdin\ntwo words ' $HOME\n");
    assert.equal(ran.status, 7);
  });

  it('has no way out: a connection to the outside fails at once', () => {
    const ran = node(['exec', 'bash', '-c', 'exec 3<>/dev/tcp/1.1.1.1/443']);
    assert.notEqual(ran.status, 0);
    assert.match(ran.err, /No route to host|Network is unreachable/);
    assert.ok(ran.ms < 2000, `${ran.ms} ms`);
    const links = must(['exec', 'cat', '/proc/net/dev'])
      .split('\n')
      .map((line) => line.split(':')[0]!.trim());
    for (const outside of Object.keys(networkInterfaces()).filter((link) => link !== 'lo'))
      assert.ok(!links.includes(outside), outside);
  });

  it('fails to resolve outside names at once and knows its own domain', () => {
    const outside = node(['exec', 'getent', 'hosts', 'example.com']);
    assert.notEqual(outside.status, 0);
    assert.ok(outside.ms < 2000, `${outside.ms} ms`);
    assert.match(must(['exec', 'getent', 'hosts', 'runai.test']), /^10\.99\.0\.10\s/);
    assert.match(must(['exec', 'getent', 'hosts', 'cp.runai.test']), /^10\.99\.0\.10\s/);
  });

  it('gives what the product asks of a cluster', () => {
    assert.match(kubectl('get', 'storageclass'), /local \(default\)/);
    assert.match(kubectl('get', 'ingressclass', '-o', 'name'), /haproxy/);
    assert.equal(
      kubectl(
        '-n',
        'haproxy-controller',
        'get',
        'deploy',
        '-o',
        'jsonpath={.items[0].status.availableReplicas}',
      ),
      '1',
    );
    const labels = JSON.parse(kubectl('get', 'node', name, '-o', 'jsonpath={.metadata.labels}'));
    assert.equal(labels['node-role.kubernetes.io/runai-system'], 'true');
    assert.ok(Object.keys(labels).filter((label) => label.startsWith('nvidia.com/')).length >= 14);
    const page = must([
      'exec',
      'bash',
      '-c',
      'exec 3<>/dev/tcp/runai.test/80; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3',
    ]);
    assert.match(page, / 200 OK[\s\S]*ok$/);
  });

  it('carries TLS secrets whose chain verifies for the domain', () => {
    for (const [namespace, secret] of [
      ['runai-backend', 'runai-backend-tls'],
      ['runai', 'runai-cluster-domain-tls-secret'],
    ] as const) {
      const crt = kubectl('-n', namespace, 'get', 'secret', secret, '-o', 'jsonpath={.data.tls\\.crt}');
      const chain = join(stateFolder(), `${secret}.pem`);
      writeFileSync(chain, Buffer.from(crt, 'base64'));
      const args = [
        'verify',
        '-CAfile',
        join(stateFolder(), 'pki/ca.crt'),
        '-untrusted',
        chain,
        '-verify_hostname',
        'cp.runai.test',
        chain,
      ];
      const verified = spawnSync('openssl', args, { encoding: 'utf8' });
      assert.equal(verified.status, 0, verified.stderr);
    }
  });

  it('resolves and reaches services from pods, and nothing outside', () => {
    const inPod = (...args: string[]): Ran =>
      node(['exec', 'kubectl', '-n', 'monitoring', 'exec', 'deploy/prometheus-operator', '--', ...args]);
    const service = kubectl(
      '-n',
      'haproxy-controller',
      'get',
      'service',
      '-o',
      'jsonpath={.items[0].spec.clusterIP}',
    );
    const found = inPod('nslookup', 'haproxy-ingress.haproxy-controller.svc.cluster.local');
    assert.match(found.out, new RegExp(`Address: ${service}$`, 'm'), found.out + found.err);
    assert.match(inPod('nslookup', 'cp.runai.test').out, /Address: 10\.99\.0\.10$/m);
    assert.match(inPod('nslookup', 'example.com').out, /NXDOMAIN/);
    assert.equal(inPod('wget', '-q', '-O-', `http://${service}/`).out, 'ok\n');
    assert.equal(inPod('wget', '-q', '-O-', 'http://10.99.0.10/').out, 'ok\n');
  });

  it('has a user without rights', () => {
    const restricted = join(stateFolder(), 'restricted.kubeconfig');
    const ran = node(['exec', 'kubectl', '--kubeconfig', restricted, 'get', 'pods', '-A']);
    assert.notEqual(ran.status, 0);
    assert.match(ran.err, /Forbidden/);
  });

  it('pulls from the registry, binds a volume, runs a pod that can be entered, deletes the data', async () => {
    apply(claim('data'));
    apply(pod('probe', 'data'));
    kubectl('wait', '--for=condition=Ready', 'pod/probe', '--timeout=60s');
    assert.match(
      kubectl('get', 'pod', 'probe', '-o', 'jsonpath={.status.containerStatuses[0].imageID}'),
      /@sha256:[0-9a-f]{64}$/,
    );
    // Not through kubectl's standard input, which a quick command may lose.
    must(['exec', 'kubectl', 'exec', 'probe', '--', 'sh', '-c', 'printf kept >/data/file']);
    const folder = join(stateFolder(), 'volumes', volumeOf('data'));
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'kept');
    const outside = node(['exec', 'kubectl', 'exec', 'probe', '--', 'nc', '-w', '2', '1.1.1.1', '443']);
    assert.notEqual(outside.status, 0);

    kubectl('delete', 'pod/probe', 'pvc/data', '--wait=true');
    await until('data deleted', () => !existsSync(folder));
    await until('volume deleted', () => !kubectl('get', 'pv', '-o', 'name').includes('pvc-'));
  });

  it('keeps the data of a volume whose policy is Retain', async () => {
    apply(claim('retained'));
    await until(
      'bound',
      () => kubectl('get', 'pvc', 'retained', '-o', 'jsonpath={.status.phase}') === 'Bound',
    );
    const volume = volumeOf('retained');
    const folder = join(stateFolder(), 'volumes', volume);
    writeFileSync(join(folder, 'file'), 'kept');
    kubectl('patch', 'pv', volume, '-p', '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}');
    kubectl('delete', 'pvc/retained');
    await until(
      'released',
      () => kubectl('get', 'pv', volume, '-o', 'jsonpath={.status.phase}') === 'Released',
    );
    await sleep(1500);
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'kept');
    kubectl('delete', 'pv', volume);
  });

  it('puts a snapshot back: objects and files, with pods running again', async () => {
    apply(claim('snap'));
    apply(pod('snapped', 'snap'));
    kubectl('wait', '--for=condition=Ready', 'pod/snapped', '--timeout=60s');
    const folder = join(stateFolder(), 'volumes', volumeOf('snap'));
    writeFileSync(join(folder, 'file'), 'before');
    must(['snapshot', 'one']);
    writeFileSync(join(folder, 'file'), 'after');
    kubectl('create', 'configmap', 'later');
    must(['restore', 'one']);
    assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'before');
    assert.notEqual(node(['exec', 'kubectl', 'get', 'configmap', 'later']).status, 0);
    await until('pod runs', () => node(['exec', 'kubectl', 'exec', 'snapped', '--', 'id']).status === 0);
    assert.equal(must(['exec', 'kubectl', 'exec', 'snapped', '--', 'cat', '/data/file']), 'before');
    kubectl('delete', 'pod/snapped', 'pvc/snap');
  });

  it('takes the API server away and brings it back', () => {
    must(['stop-api']);
    assert.notEqual(node(['exec', 'kubectl', 'get', 'nodes']).status, 0);
    must(['start-api']);
    kubectl('get', 'nodes');
  });

  it('heals after parts were killed', () => {
    const before = parts();
    for (const part of ['containerd', 'kubelet', 'kube-scheduler'])
      process.kill(before.get(part)!, 'SIGKILL');
    assert.equal(node(['status']).status, 1);
    must(['up']);
    assert.equal(node(['status']).status, 0);
    assert.equal(parts().get('etcd'), before.get('etcd'));
  });

  it('leaves nothing behind, even when its first process was killed', async () => {
    const folder = stateFolder();
    const pids = [...parts().values()];
    process.kill(pids[0]!, 'SIGKILL');
    await until('processes ended', () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    assert.equal(node(['down']).status, 0);
    assert.equal(existsSync(folder), false);
    assert.doesNotMatch(readFileSync('/proc/self/mounts', 'utf8'), new RegExp(name));
    for (const controller of readdirSync('/sys/fs/cgroup'))
      assert.equal(existsSync(`/sys/fs/cgroup/${controller}/airgap-${name}`), false, controller);
    assert.equal(node(['down']).status, 0);
    assert.match(node(['exec', 'true']).err, /not up/);
  });
});
