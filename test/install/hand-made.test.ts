import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handMadeCheck, judgeHandMade, lostFields } from '../../src/install/checks/hand-made.js';
import { recordedBy } from '../../src/install/checks/recorded.js';
import type { CheckContext } from '../../src/install/checks/types.js';
import { handMade } from '../../src/install/hand-made.js';
import type { KubeObject } from '../../src/kube/types.js';
import { composeSteps } from '../../src/runai/steps/compose.js';
import { factsOf } from '../runai/facts.js';
import { rendered } from './checks/support.js';
import { revision } from './support/observation.js';
import { makeBench, object, owned } from './support/step.js';

const NS = 'runai-backend';

const RENDERED = object('Deployment', 'web', NS, {
  metadata: { labels: { app: 'web' } },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' }, annotations: null },
      spec: {
        serviceAccountName: 'web',
        volumes: [{ name: 'tls', secret: { secretName: 'tls' } }],
        containers: [
          {
            name: 'web',
            image: 'web:1',
            env: [{ name: 'A', value: '1' }],
            ports: [{ containerPort: 8080 }],
            resources: { limits: { cpu: '1000m', memory: '1024Mi' } },
          },
        ],
      },
    },
  },
});

/** As a real API server of 1.28 gives it back after helm made it. */
function live(): KubeObject {
  const labels = { app: 'web' };
  const served = object('Deployment', 'web', NS, {
    metadata: {
      uid: 'u',
      generation: 3,
      labels: { ...labels, 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: { 'deployment.kubernetes.io/revision': '3' },
    },
    spec: {
      progressDeadlineSeconds: 600,
      replicas: 1,
      revisionHistoryLimit: 10,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: {
        metadata: {
          labels,
          creationTimestamp: null,
          annotations: { 'kubectl.kubernetes.io/restartedAt': 'x' },
        },
        spec: {
          serviceAccount: 'web',
          serviceAccountName: 'web',
          dnsPolicy: 'ClusterFirst',
          restartPolicy: 'Always',
          schedulerName: 'default-scheduler',
          securityContext: {},
          terminationGracePeriodSeconds: 30,
          volumes: [{ name: 'tls', secret: { secretName: 'tls', defaultMode: 420 } }],
          containers: [
            {
              name: 'web',
              image: 'web:1',
              imagePullPolicy: 'IfNotPresent',
              env: [{ name: 'A', value: '1' }],
              ports: [{ containerPort: 8080, protocol: 'TCP' }],
              resources: { limits: { cpu: '1', memory: '1Gi' } },
              terminationMessagePath: '/dev/termination-log',
              terminationMessagePolicy: 'File',
            },
          ],
        },
      },
    },
    status: { readyReplicas: 1 },
  });
  return structuredClone(owned(served));
}

function patched(
  object: KubeObject,
  changes: readonly (readonly [path: string, value: unknown])[],
): KubeObject {
  for (const [path, value] of changes) {
    const parts = path.split('.');
    let at = object as unknown as Record<string, unknown>;
    for (const part of parts.slice(0, -1)) at = at[part] as Record<string, unknown>;
    at[parts.at(-1) ?? ''] = value;
  }
  return object;
}

test('what the server fills in and writes anew is nobody’s change', () => {
  assert.deepEqual(handMade(RENDERED, live()), []);
});

test('hand-made changes are named by field, whatever form they have', () => {
  const changed = patched(live(), [
    ['metadata.annotations.corp/contact', 'ada'],
    ['spec.replicas', 3],
    ['spec.template.spec.nodeSelector', { disk: 'ssd' }],
    ['spec.template.spec.containers.0.env.0.value', '2'],
    ['spec.template.spec.containers.0.env.1', { name: 'HTTP_PROXY', value: 'http://user:pass@proxy' }],
    ['spec.template.spec.containers.0.resources.limits.memory', '2Gi'],
    ['spec.template.spec.volumes', []],
  ]);
  const fields = handMade(RENDERED, changed);
  assert.deepEqual(fields, [
    'metadata.annotations.corp/contact',
    'spec.replicas',
    'spec.template.spec.containers[web].env[A].value',
    'spec.template.spec.containers[web].env[HTTP_PROXY]',
    'spec.template.spec.containers[web].resources.limits.memory',
    'spec.template.spec.nodeSelector.disk',
    'spec.template.spec.volumes[tls]',
  ]);
  assert.doesNotMatch(fields.join(), /pass/);
});

test('a service with another type and address, a pull secret that was attached, a key of a secret', () => {
  const service = (spec: object) => object('Service', 'web', NS, { spec });
  const rendered = service({ ports: [{ name: 'http', port: 80, targetPort: 'http' }] });
  const plain = {
    clusterIP: '10.0.0.1',
    ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }],
  };
  assert.deepEqual(handMade(rendered, service({ ...plain, type: 'ClusterIP', sessionAffinity: 'None' })), []);
  assert.deepEqual(
    handMade(rendered, service({ ...plain, type: 'LoadBalancer', externalIPs: ['10.1.1.1'] })),
    ['spec.externalIPs', 'spec.type'],
  );
  const account = (more: object = {}) => object('ServiceAccount', 'web', NS, { ...more });
  const secrets = [{ name: 'web-token-x' }];
  const attached = [{ name: 'corp-pull' }];
  assert.deepEqual(handMade(account(), account({ secrets })), []);
  assert.deepEqual(handMade(account(), account({ secrets, imagePullSecrets: attached })), [
    'imagePullSecrets[corp-pull]',
  ]);
  assert.deepEqual(handMade(account(), account({ imagePullSecrets: [{ name: 'web-dockercfg-abc' }] })), []);
  const openshift = [...attached, { name: 'web-dockercfg-abc' }];
  assert.deepEqual(
    handMade(
      account({ imagePullSecrets: [{ name: 'own' }] }),
      account({ imagePullSecrets: [{ name: 'own' }, ...openshift] }),
    ),
    ['imagePullSecrets[corp-pull]'],
  );
  const secret = (more: object) => object('Secret', 'web', NS, { type: 'Opaque', ...more });
  const data = { user: Buffer.from('ada').toString('base64') };
  assert.deepEqual(handMade(secret({ stringData: { user: 'ada' } }), secret({ data })), []);
  const more = { ...data, password: 'c2VjcmV0' };
  assert.deepEqual(handMade(secret({ data }), secret({ data: more })), ['data.password']);
});

test('what a step puts back is not lost; the rest is a warning that names no value', () => {
  const route = (annotations: object, spec: object) =>
    object('Route', 'web', NS, { metadata: { annotations }, spec });
  const before = route({}, { host: 'a', tls: { termination: 'edge' } });
  assert.deepEqual(lostFields(before, route({ a: 'b' }, { host: 'b', tls: { termination: 'reencrypt' } })), [
    'spec.host',
  ]);
  const ingress = object('Ingress', 'runai-backend-ingress', NS, { metadata: { annotations: { a: 'b' } } });
  assert.deepEqual(lostFields(object('Ingress', 'runai-backend-ingress', NS), ingress), []);
  const other = { ...ingress, metadata: { ...ingress.metadata, name: 'other' } };
  assert.deepEqual(lostFields(object('Ingress', 'other', NS), other), ['metadata.annotations.a']);
  const bound = { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } };
  const claim = object('PersistentVolumeClaim', 'pvc-postgresql', NS);
  assert.deepEqual(lostFields(claim, { ...claim, metadata: { ...claim.metadata, ...bound } }), []);
  assert.equal(judgeHandMade([]).outcome, 'pass');
  const finding = judgeHandMade([
    { name: 'ingress runai-backend/other', fields: ['metadata.annotations.a'] },
  ]);
  assert.equal(finding.outcome, 'warn');
  assert.match(finding.seen, /ingress runai-backend\/other: metadata\.annotations\.a$/);
});

test('threat 114: the check looks at what the plan makes anew, and at nothing else', async () => {
  const bench = await makeBench();
  try {
    const service = object('Service', 'web', NS, { spec: { ports: [{ port: 80 }] } });
    const config = object('ConfigMap', 'web', NS, { data: { a: '1' } });
    bench.api.put(owned({ ...service, spec: { ports: [{ port: 80 }], externalIPs: ['10.1.1.1'] } }));
    bench.api.put(owned({ ...config, data: { a: '2' } }));
    const manifest = [service, config].map((one) => JSON.stringify(one)).join('\n---\n');
    const chart = { name: 'runai-backend', version: '2.8.20' };
    const facts = { release: NS, namespace: NS, revisions: [revision({ chart, manifest } as never)] };
    const steps = composeSteps(factsOf({ from: '2.8.20', to: '2.10.11' })).map(({ action, ...step }) => ({
      ...step,
      input: { action },
    }));
    const site = { releases: new Map([[NS, facts]]) };
    const context = {
      client: bench.api.client,
      site,
      made: { plan: { steps } },
      recorded: () => recordedBy(site as never),
      rendered: async () => [rendered('', { role: 'control-plane', release: NS, namespace: NS })],
      signal: bench.context.signal,
    } as unknown as CheckContext;
    assert.equal(handMadeCheck.applies?.(context), true);
    const [finding] = await handMadeCheck.run(context);
    assert.equal(finding?.outcome, 'warn');
    assert.match(finding.seen, /not put back: service runai-backend\/web: spec\.externalIPs$/);
  } finally {
    await bench.close();
  }
});
