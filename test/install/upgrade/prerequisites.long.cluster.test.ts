import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseYaml } from '../../../src/yaml.js';
import type { TestNode } from '../support/node.js';
import { demandKept, type Kept } from './furnish.js';
import { demandSameEnd, killsAround, type Undisturbed } from './kills.js';
import { acknowledgements, openSite, type PathRun, recordOf, type UpgradeSite } from './site.js';
import { sourceOf } from './table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: upgrades with prerequisites, because AIRGAP_CLUSTER_TESTS is not 1');

const STANDIN = fileURLToPath(new URL('../../../scripts/standin', import.meta.url));
const IMAGE = 'docker.io/site/prerequisite:1.0';

interface Spec {
  charts: unknown[];
  images: { include: unknown[] };
}

/** Charts of what a site needs, beside the product: each a Deployment of one pod. */
const CHARTS = [
  { release: 'haproxy', namespace: 'ingress-controller', name: 'haproxy-ingress', extra: INGRESS_CLASS() },
  // Into a namespace where others run, too.
  { release: 'metrics', namespace: 'monitoring', name: 'kube-prometheus-stack', extra: '' },
];

describe('a bundle that brings what the site needs', { skip: !wanted, timeout: 3_600_000 }, () => {
  let site: UpgradeSite;
  let node: TestNode;
  let kept: Kept;
  let undisturbed: Undisturbed | undefined;
  before(async () => {
    site = openSite('prerequisites');
    node = site.node;
    await putUp();
  });
  after(() => site?.down());

  /** The site has no controller but the release's own NGINX. */
  const putUp = async (): Promise<void> => {
    kept = await site.putUp(sourceOf('2.8'));
    node.kubectl('delete', 'ingressclass', 'haproxy');
    node.kubectl('delete', 'deployment', '-n', 'haproxy-controller', '--all');
  };
  const run = async (label = 'run'): Promise<PathRun> => {
    const path = { from: '2.8', to: '2.13.66', helm: 'helm3' } as const;
    return { ...path, acknowledge: kept === undefined ? [] : await accepted(), state: site.newState(label) };
  };
  let known: string[] | undefined;
  const accepted = async (): Promise<string[]> => {
    known ??= await acknowledgements(site, { from: '2.8', to: '2.13.66', helm: 'helm3' }, 7);
    return known;
  };

  it('without an ingress controller to come it is refused before anything is taken away', async () => {
    const before = site.dump();
    const ran = await site.install(await run());
    assert.equal(ran.status, 7, `${ran.out}\n${ran.err}`);
    assert.match(ran.err, /ingress/);
    assert.deepEqual(Object.keys(site.dump()), Object.keys(before));
  });

  it('the bundle’s own comes between the deletes and the control plane, Prometheus after the old cluster', async () => {
    site.use('2.13.66', withPrerequisites('2.13.66'));
    const path = await run();
    const mark = site.audit.mark();
    const ran = await site.install(path);
    assert.equal(ran.status, 0, `${ran.out}\n${ran.err}`);
    undisturbed = { deletions: site.audit.deletionsSince(mark), dump: site.dump() };
    const order = recordOf(path.state).journal.filter(({ phase }) => phase === 'committed');
    const steps = order.map(({ step }) => step);
    const expected = [
      'namespaces',
      'delete:statefulset/runai-backend-postgresql',
      'delete:ingressclass/nginx',
      'prerequisite:haproxy',
      'wait:haproxy',
      'check:ingress-controller',
      'helm:runai-backend',
      'helm-uninstall:runai-cluster',
      'prerequisite:metrics',
      'wait:metrics',
      'helm:runai-cluster',
      'prove:images',
    ];
    assert.deepEqual(
      steps.filter((id) => expected.includes(id)),
      expected,
    );
    for (const { release, namespace, name } of CHARTS) {
      const [found] = JSON.parse(node.must('exec', 'helm', 'list', '-n', namespace, '-o', 'json')) as {
        name: string;
        chart: string;
      }[];
      assert.deepEqual([found?.name, found?.chart], [release, `${name}-1.0.0`]);
      const image = ['-o', 'jsonpath={.spec.template.spec.containers[0].image}'];
      const running = node.kubectl('-n', namespace, 'get', 'deployment', name, ...image);
      assert.equal(running, `${node.registry}/prerequisite:1.0`);
    }
    demandKept(
      node,
      kept,
      '2.13.66',
      CHARTS.map(({ name }) => `${name}-1.0.0`),
    );
    assert.match((await site.install(path)).out, /nothing was changed/);
  });

  it('threats 81 and 119: killed around every step that only such a bundle brings, it ends as when nobody disturbs it', async () => {
    assert.ok(undisturbed, 'the test before this one has to run');
    await putUp();
    const path = await run('killed');
    const brought = CHARTS.flatMap(({ release }) => [`prerequisite:${release}`, `wait:${release}`]);
    const steps = ['namespaces', 'check:ingress-controller', ...brought];
    // The matrix kills all others.
    const kills = killsAround((await site.planned(path)).filter(({ id }) => steps.includes(id)));
    assert.equal(kills.length, 2 * steps.length, JSON.stringify(kills));
    await demandSameEnd(site, path, { kills, undisturbed });
    demandKept(
      node,
      kept,
      '2.13.66',
      CHARTS.map(({ name }) => `${name}-1.0.0`),
    );
  });

  /** The stand-in with both charts, packed. */
  function withPrerequisites(version: string): string {
    const folder = join(node.folder, 'with-prerequisites');
    node.must('exec', STANDIN, '--version', version, '--out', folder);
    const file = join(folder, 'spec.yaml');
    const spec = parseYaml(readFileSync(file, 'utf8'), file) as Spec;
    for (const { release, namespace, name, extra } of CHARTS) {
      const chart = join(folder, 'charts', name);
      mkdirSync(join(chart, 'templates'), { recursive: true });
      writeFileSync(join(chart, 'Chart.yaml'), `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`);
      writeFileSync(join(chart, 'values.yaml'), `image: ${IMAGE}\n`);
      writeFileSync(join(chart, 'templates', 'all.yaml'), `${deployment(name)}${extra}`);
      spec.charts.unshift({
        role: 'prerequisite',
        release,
        namespace,
        path: `./charts/${name}`,
        imageValues: { image: '{{registry}}/prerequisite:1.0' },
      });
    }
    spec.images.include.push({ ref: IMAGE, from: 'oci:./images:frontend' });
    writeFileSync(file, JSON.stringify(spec));
    return node.pack(file, 'with-prerequisites.tar');
  }
});

function deployment(name: string): string {
  const label = name === 'kube-prometheus-stack' ? 'prometheus-operator' : name;
  return `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels: { app.kubernetes.io/name: ${label} }
spec:
  selector: { matchLabels: { app.kubernetes.io/instance: "{{ .Release.Name }}" } }
  template:
    metadata:
      labels: { app.kubernetes.io/instance: "{{ .Release.Name }}", app.kubernetes.io/name: ${label} }
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: {{ .Values.image }}
          # Slow to become ready: nothing may count on it before it is.
          readinessProbe: { httpGet: { path: /, port: 8080 }, initialDelaySeconds: 8, periodSeconds: 2 }
`;
}

function INGRESS_CLASS(): string {
  return `---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: haproxy }
spec: { controller: haproxy.org/ingress-controller/haproxy }
`;
}
