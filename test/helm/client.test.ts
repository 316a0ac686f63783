import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { AirgapError } from '../../src/errors.js';
import { upgradeArgs } from '../../src/helm/args.js';
import { createHelm } from '../../src/helm/client.js';
import { findHelm } from '../../src/helm/find.js';
import type { Helm, UpgradeRequest } from '../../src/helm/types.js';
import { type FakeAnswers, type FakeHelm, fakeHelm } from './support/fake-helm.js';

const folder = mkdtempSync(join(tmpdir(), 'airgap-helm-client-'));
const fakes: FakeHelm[] = [];
after(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const fake of fakes) fake.remove();
});

async function helmOf(answers: FakeAnswers): Promise<{ helm: Helm; fake: FakeHelm }> {
  const fake = fakeHelm(answers);
  fakes.push(fake);
  const place = { homes: join(folder, 'homes'), env: { PATH: '/usr/bin:/bin' }, configFiles: ['/cfg'] };
  const program = await findHelm({ ...place, wanted: fake.path });
  return {
    helm: await createHelm(program, { ...place, context: 'the context' }),
    fake,
  };
}

const request: UpgradeRequest = {
  release: 'runai-backend',
  namespace: 'runai-backend',
  chart: '/run/charts/-weird $(x).tgz',
  valuesFiles: ['/run/values/a.json'],
  timeout: 600_000,
  description: 'airgap run=r chart=sha256:0 values=sha256:0',
  labels: { 'airgap-run': 'r' },
};

test('threat 53: values by file, words behind --, nothing is split or interpreted', async () => {
  const { helm, fake } = await helmOf({});
  await helm.upgrade(request);
  assert.deepEqual(fake.calls(), [
    [
      'upgrade',
      '--kube-context=the context',
      '--install',
      '--namespace',
      'runai-backend',
      '--values',
      '/run/values/a.json',
      '--timeout',
      '600s',
      '--history-max',
      '10',
      '--description',
      'airgap run=r chart=sha256:0 values=sha256:0',
      '--labels',
      'airgap-run=r',
      '--',
      'runai-backend',
      '/run/charts/-weird $(x).tgz',
    ],
  ]);
});

test('threat 112: helm 4 changes releases as helm 3 does, its own from server-side apply too', () => {
  const serverSide = (major: number) =>
    upgradeArgs(request, major).find((word) => word.startsWith('--server-side'));
  assert.equal(serverSide(3), undefined);
  assert.equal(serverSide(4), '--server-side=false');
  for (const major of [3, 4]) {
    const words = upgradeArgs(request, major).join(' ');
    assert.doesNotMatch(
      words,
      /--atomic|--rollback-on-failure|--reuse-values|--reset-then-reuse|--set|--force/,
    );
  }
});

test('a failure carries what helm said last, without the noise before it and without secrets', async () => {
  const { helm } = await helmOf({
    script:
      'echo "W1121 10:00:00.1 warnings.go:70] deprecated" >&2; echo "Error: UPGRADE FAILED: canary-secret is immutable" >&2; exit 1',
  });
  await assert.rejects(helm.upgrade({ ...request, secrets: ['canary-secret'] }), (error: AirgapError) => {
    assert.equal(error.code, 'HELM_FAILED');
    assert.equal(error.message, 'helm upgrade runai-backend failed');
    assert.equal(error.found, 'exit 1: Error: UPGRADE FAILED: [redacted] is immutable');
    return true;
  });
});

test('a helm that hangs is ended after its time', async () => {
  const { helm } = await helmOf({ script: 'sleep 30' });
  const start = performance.now();
  await assert.rejects(helm.upgradeDryRun({ ...request, timeout: 300 }), { code: 'HELM_TIMEOUT' });
  assert.ok(performance.now() - start < 8000);
});

test('an abort ends a read', async () => {
  const { helm } = await helmOf({ script: 'sleep 30' });
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 100);
  await assert.rejects(helm.getManifest(request, stop.signal), { code: 'INTERRUPTED' });
});

test('no release is an empty history; anything else is a failure', async () => {
  const none = await helmOf({ script: 'echo "Error: release: not found" >&2; exit 1' });
  assert.deepEqual(await none.helm.history(request), []);
  const rows =
    '[{"revision":1,"updated":"t","status":"deployed","chart":"c-1","app_version":"1","description":"d"}]';
  const some = await helmOf({ script: `echo '${rows}'` });
  assert.deepEqual(await some.helm.history(request), [
    { revision: 1, updated: 't', status: 'deployed', chart: 'c-1', appVersion: '1', description: 'd' },
  ]);
  const broken = await helmOf({ script: 'echo "Error: Kubernetes cluster unreachable" >&2; exit 1' });
  await assert.rejects(broken.helm.history(request), { code: 'HELM_FAILED' });
});

/** A chart with one ConfigMap that shows its values. */
function makeChart(): string {
  const chart = join(folder, 'chart');
  mkdirSync(join(chart, 'templates'), { recursive: true });
  writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 1.0.0\n');
  writeFileSync(join(chart, 'values.yaml'), 'a: 1\nb: gone\n');
  writeFileSync(
    join(chart, 'templates', 'm.yaml'),
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: "{{ .Release.Name }}", namespace: "{{ .Release.Namespace }}"}\ndata: {a: {{ .Values.a | quote }}, b: {{ .Values.b | quote }}, kube: {{ .Capabilities.KubeVersion.Version | quote }}, up: {{ .Release.IsUpgrade | quote }}, api: {{ .Capabilities.APIVersions.Has "x.io/v1" | quote }}}\n',
  );
  return chart;
}

for (const name of ['helm3', 'helm4']) {
  test(`real ${name} renders a chart with values from a file, without a cluster`, async () => {
    const path = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim();
    const place = {
      homes: join(folder, `homes-${name}`),
      env: { PATH: process.env['PATH'], KUBECONFIG: '/nowhere' },
    };
    const helm = await createHelm(await findHelm({ ...place, wanted: path }), place);
    assert.equal(helm.program.version.major, name === 'helm3' ? 3 : 4);
    const values = join(folder, 'values.json');
    writeFileSync(values, JSON.stringify({ a: 'x=1,y={{ z }}', b: null }));
    const text = await helm.template({
      release: 'rel',
      namespace: 'space',
      chart: makeChart(),
      valuesFiles: [values],
      kubeVersion: '1.28.3',
      apiVersions: ['x.io/v1'],
      isUpgrade: true,
    });
    assert.match(text, /a: "x=1,y=\{\{ z \}\}"/, 'a value is a value, whatever it looks like');
    assert.match(text, /b: ""|b: $|b: ,/, 'null takes a default away');
    assert.match(text, /kube: "v1\.28\.3".*up: "true".*api: "true"/);
    assert.match(text, /name: "rel", namespace: "space"/);
    await assert.rejects(
      helm.template({ release: 'rel', namespace: 'space', chart: join(folder, 'none'), valuesFiles: [] }),
      { code: 'HELM_FAILED' },
    );
  });
}
