import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { CLAIMS } from '../../src/runai/names.js';
import type { Facts } from '../../src/runai/site.js';
import { composeSteps, STEP_TABLE } from '../../src/runai/steps/compose.js';
import { backendPath } from '../../src/runai/steps/paths.js';
import type { ProductStep, Settings } from '../../src/runai/steps/types.js';
import { compareVersions, crosses, isAtLeast } from '../../src/runai/version.js';
import { factsOf, RELEASES, version } from './facts.js';

const GOLDEN = new URL('./fixtures/steps.txt', import.meta.url);

const INGRESS = { release: 'ingress', namespace: 'ingress', chart: 'haproxy-ingress' };
const PROMETHEUS = { release: 'prometheus', namespace: 'monitoring', chart: 'kube-prometheus-stack' };

/** The composed steps of every pair of eras, platform and NGINX; run with AIRGAP_UPDATE_GOLDEN=1 to write it anew. */
test('the steps of every era to every later one are those of the golden file', () => {
  const text = pairs()
    .map((facts) => `${titleOf(facts)}\n${composeSteps(facts).map(lineOf).join('\n')}\n`)
    .join('\n');
  if (process.env['AIRGAP_UPDATE_GOLDEN']) writeFileSync(GOLDEN, text);
  assert.equal(text, readFileSync(GOLDEN, 'utf8'));
});

test('threat 120: the recommended procedures, step by step', () => {
  const rows: [string, Facts, string[]][] = [
    [
      'text B: 2.8 to 2.9',
      factsOf({ from: '2.8.20', to: '2.9.25', prerequisites: [INGRESS, PROMETHEUS] }),
      [
        'save',
        'push',
        'namespaces',
        'retain:volumes',
        'keep:claims',
        'backup',
        'delete:workloads',
        'delete:secrets',
        'delete:service/kube-system/runai-cluster-kube-prometh-kubelet',
        'delete:validatingwebhookconfiguration/runai-backend-nginx-ingress-admission',
        'delete:ingressclass/nginx',
        'restore:secrets',
        'prerequisite:ingress',
        'wait:ingress',
        'check:ingress-controller',
        'helm:runai-backend',
        'wait:runai-backend',
        'check:claims',
        'restore:ingress',
        'helm-uninstall:runai-cluster',
        'delete:cluster-leftovers',
        'restore:cluster-secrets',
        'prerequisite:prometheus',
        'wait:prometheus',
        'crds',
        'helm:runai-cluster',
        'wait:runai-cluster',
        'restore:runaiconfig',
        'restore:people',
        'prove:images',
      ],
    ],
    [
      'text C: 2.7 to 2.13',
      factsOf({ from: '2.7.9', to: '2.13.66' }),
      [
        'save',
        'push',
        'retain:volumes',
        'keep:claims',
        'secret:runai-backend-tls',
        'backup',
        'delete:ingress/runai-backend-ingress',
        'delete:secret/runai-backend-postgresql',
        'delete:statefulset/keycloak',
        'delete:statefulset/runai-backend-postgresql',
        'delete:service/kube-system/runai-cluster-kube-prometh-kubelet',
        'delete:validatingwebhookconfiguration/runai-backend-nginx-ingress-admission',
        'delete:ingressclass/nginx',
        'check:ingress-controller',
        'helm:runai-backend',
        'wait:runai-backend',
        'check:claims',
        'restore:ingress',
        'helm-uninstall:runai-cluster',
        'delete:cluster-leftovers',
        'restore:cluster-secrets',
        'crds',
        'helm:runai-cluster',
        'wait:runai-cluster',
        'restore:runaiconfig',
        'restore:people',
        'prove:images',
      ],
    ],
    [
      'the page as written: 2.10 to 2.11',
      factsOf({ from: '2.10.11', to: '2.11.4' }),
      [
        'save',
        'push',
        'retain:volumes',
        'keep:claims',
        'secret:runai-backend-tls',
        'backup',
        'delete:ingress/runai-backend-ingress',
        'helm:runai-backend',
        'wait:runai-backend',
        'check:claims',
        'restore:ingress',
        'crds',
        'helm:runai-cluster',
        'wait:runai-cluster',
        'restore:runaiconfig',
        'prove:images',
      ],
    ],
    [
      '2.13 to 2.16: the charts, and what helm resets of hand-made changes',
      factsOf({ from: '2.13.66', to: '2.16.79' }),
      [
        'save',
        'push',
        'backup',
        'helm:runai-backend',
        'wait:runai-backend',
        'restore:ingress',
        'crds',
        'helm:runai-cluster',
        'wait:runai-cluster',
        'restore:runaiconfig',
        'prove:images',
      ],
    ],
    [
      'a first install',
      factsOf({ to: '2.13.66', prerequisites: [INGRESS, PROMETHEUS] }),
      [
        'push',
        'namespaces',
        'prerequisite:ingress',
        'wait:ingress',
        'prerequisite:prometheus',
        'wait:prometheus',
        'helm:runai-backend',
        'wait:runai-backend',
        'crds',
        'helm:runai-cluster',
        'wait:runai-cluster',
        'prove:images',
      ],
    ],
    [
      'OpenShift, newer text: 2.8 to 2.13 has no NGINX, ingress, TLS, Thanos or kubelet step',
      factsOf({ from: '2.8.20', to: '2.13.66', platform: 'openshift' }),
      [
        'save',
        'push',
        'namespaces',
        'retain:volumes',
        'keep:claims',
        'backup',
        'delete:secret/runai-backend-postgresql',
        'delete:statefulset/keycloak',
        'delete:statefulset/runai-backend-postgresql',
        'helm:runai-backend',
        'wait:runai-backend',
        'check:claims',
        'restore:routes',
        'helm-uninstall:runai-cluster',
        'delete:cluster-leftovers',
        'restore:cluster-secrets',
        'crds',
        'helm:runai-cluster',
        'wait:runai-cluster',
        'restore:runaiconfig',
        'restore:people',
        'prove:images',
      ],
    ],
  ];
  for (const [name, facts, expected] of rows) {
    assert.deepEqual(
      composeSteps(facts).map((step) => step.id),
      expected,
      name,
    );
  }
});

test('a claim that is not there is named in no setting: pods would wait for it for ever', () => {
  const claims = ['pvc-thanos-receive', 'other'];
  assert.deepEqual(helmSettings(factsOf({ from: '2.9.25', to: '2.13.66', site: { claims } })), {
    'global.domain': 'runai.test',
    'thanos.receive.persistence.existingClaim': 'pvc-thanos-receive',
  });
});

test('the settings that keep the data: existingClaim for 2.12 and later, per platform', () => {
  const kubernetes = helmSettings(factsOf({ from: '2.9.25', to: '2.13.66' }));
  assert.deepEqual(kubernetes, {
    'global.domain': 'runai.test',
    'postgresql.primary.persistence.existingClaim': 'pvc-postgresql',
    'thanos.receive.persistence.existingClaim': 'pvc-thanos-receive',
  });
  const openshift = helmSettings(factsOf({ from: '2.11.4', to: '2.13.66', platform: 'openshift' }));
  assert.deepEqual(openshift, {
    'global.domain': 'runai.apps.ocp.test',
    'global.config.kubernetesDistribution': 'openshift',
    'postgresql.primary.persistence.existingClaim': 'pvc-postgresql',
    'thanos.query.stores': ['thanos-grpc-port-forwarder:10901'],
    'backend.config.openshiftIdpFirstAdmin': 'kubeadmin',
  });
  const later = helmSettings(factsOf({ from: '2.11.4', to: '2.16.79', platform: 'openshift' }));
  assert.equal(later['backend.config.openshiftIdpFirstAdmin'], undefined);
  assert.deepEqual(helmSettings(factsOf({ from: '2.13.66', to: '2.16.79' })), {
    'global.domain': 'runai.test',
  });
  assert.deepEqual(helmSettings(factsOf({ from: '2.8.20', to: '2.10.11' })), {
    'deployment.domain': 'runai.test',
    'grafana.grafana\\.ini.server.domain': 'runai.test',
  });
});

test('a release that has its domain keeps it; OpenShift’s own name is for where there is none', () => {
  const domain = (from: string | undefined) =>
    helmSettings(factsOf({ ...(from === undefined ? {} : { from }), to: '2.16.79', platform: 'openshift' }))[
      'global.domain'
    ];
  assert.equal(domain(undefined), 'runai.apps.ocp.test');
  assert.equal(domain('2.11.4'), 'runai.apps.ocp.test');
  assert.equal(domain('2.13.66'), undefined);
});

test('a cluster part under its very old name is never upgraded beside itself', () => {
  for (const [from, to] of [
    ['2.3.0', '2.8.20'],
    ['2.5.3', '2.8.20'],
    ['2.8.20', '2.13.66'],
  ] as const) {
    const steps = composeSteps(factsOf({ from, to, site: { clusterRelease: 'runai-operator' } }));
    const gone = at(steps, 'helm-uninstall:runai-operator');
    assert.ok(gone >= 0 && gone < at(steps, 'helm:runai-cluster'), `${from} to ${to}`);
    const left = steps.find(({ action }) => action.kind === 'delete-leftovers')?.action;
    assert.equal(left?.kind === 'delete-leftovers' && left.release, 'runai-operator');
  }
});

test('NGINX that is not the release’s own is left alone, each object by itself', () => {
  const wide = (facts: Facts) => composeSteps(facts).filter((step) => /ingressclass|webhook/.test(step.id));
  assert.equal(wide(factsOf({ from: '2.8.20', to: '2.13.66', nginx: 'off' })).length, 0);
  assert.equal(wide(factsOf({ from: '2.8.20', to: '2.13.66', nginx: 'foreign' })).length, 0);
  const enabledButForeign = { nginxEnabled: true, nginxOwned: { webhook: true, ingressClass: false } };
  assert.deepEqual(
    wide(factsOf({ from: '2.8.20', to: '2.13.66', site: enabledButForeign })).map((step) => step.id),
    ['delete:validatingwebhookconfiguration/runai-backend-nginx-ingress-admission'],
  );
});

test('what is not there is not deleted, and a secret that is there is not made', () => {
  const bare = { kubeletService: false, backendIngress: false, backendTls: true, claims: [] };
  const ids = composeSteps(factsOf({ from: '2.8.20', to: '2.13.66', site: bare })).map((step) => step.id);
  for (const id of ids)
    assert.doesNotMatch(id, /kubelet|delete:ingress\/|secret:runai-backend-tls|keep:|retain:/);
});

test('every row has a name and a condition in words, and every step a source', () => {
  const names = STEP_TABLE.map((row) => row.row);
  assert.ok(STEP_TABLE.every((row) => row.when.length > 5 && row.row.length > 2));
  assert.ok(names.length >= 20);
  for (const facts of pairs()) {
    for (const step of composeSteps(facts)) {
      assert.ok(step.source.length > 5 && step.doneWhen.length > 5 && step.command.length > 5, step.id);
    }
  }
});

const anyFacts: fc.Arbitrary<Facts> = fc
  .record({
    from: fc.constantFrom(undefined, ...RELEASES),
    to: fc.constantFrom(...RELEASES),
    platform: fc.constantFrom('kubernetes' as const, 'openshift' as const),
    nginxEnabled: fc.boolean(),
    webhook: fc.boolean(),
    ingressClass: fc.boolean(),
    claims: fc.subarray(['pvc-postgresql', 'pvc-thanos-receive', 'other']),
    kubeletService: fc.boolean(),
    backendIngress: fc.boolean(),
    backendTls: fc.boolean(),
    prerequisites: fc.subarray([INGRESS, PROMETHEUS]),
    clusterBehind: fc.boolean(),
  })
  .map((any) => {
    const facts = factsOf({
      to: any.to,
      platform: any.platform,
      prerequisites: any.prerequisites,
      ...(any.from === undefined ? {} : { from: any.from }),
      site: {
        nginxEnabled: any.nginxEnabled,
        nginxOwned: { webhook: any.webhook, ingressClass: any.ingressClass },
        claims: any.claims,
        kubeletService: any.kubeletService,
        backendIngress: any.backendIngress,
        backendTls: any.backendTls,
        ...(any.from !== undefined && any.clusterBehind ? { cluster: version('2.5.3') } : {}),
      },
    });
    return facts;
  });

function always(check: (steps: readonly ProductStep[], facts: Facts) => void): void {
  fc.assert(
    fc.property(anyFacts, (facts) => check(composeSteps(facts), facts)),
    { numRuns: 1500 },
  );
}

const at = (steps: readonly ProductStep[], id: string | RegExp): number =>
  steps.findIndex((step) => (typeof id === 'string' ? step.id === id : id.test(step.id)));

/** True when the first is absent, or stands before every other that matches. */
function comesBefore(
  steps: readonly ProductStep[],
  first: string,
  others: (step: ProductStep) => boolean,
): boolean {
  const place = at(steps, first);
  return steps.every((step, index) => !others(step) || (place >= 0 && place < index));
}

test('invariant: ids are plain and come once; what destroys saves, and never lasts', () => {
  always((steps) => {
    assert.equal(new Set(steps.map((step) => step.id)).size, steps.length);
    for (const step of steps) {
      assert.match(step.id, /^[a-z][A-Za-z0-9:/._-]*$/);
      if (step.destructive) assert.ok(step.saves.length > 0 && !step.lasting && step.undoneBy, step.id);
      else assert.doesNotMatch(step.command, /kubectl delete|helm uninstall/);
    }
  });
});

test('invariant: nothing is destroyed before the site is saved and the images are pushed', () => {
  always((steps) => {
    assert.ok(comesBefore(steps, 'save', (step) => step.destructive));
    assert.ok(comesBefore(steps, 'push', (step) => step.destructive));
  });
});

test('threat 118: invariant: one backup before all that deletes and before the database is migrated', () => {
  always((steps, facts) => {
    const { backend } = facts.site;
    const risky = (step: ProductStep): boolean =>
      step.destructive ||
      (step.id === 'helm:runai-backend' &&
        backend !== undefined &&
        backend.text !== facts.target.backend?.text);
    const backups = steps.filter((step) => step.id === 'backup');
    if (backend === undefined) assert.deepEqual(backups, [], 'there is no database');
    else {
      assert.equal(backups.length, steps.some(risky) ? 1 : 0);
      assert.ok(comesBefore(steps, 'backup', risky));
    }
  });
});

test('threat 105: invariant: Helm’s release secrets, claims, volumes, CRDs and namespaces are never deleted', () => {
  always((steps) => {
    for (const step of steps) {
      const kinds = deletedKinds(step);
      for (const kind of [
        'PersistentVolumeClaim',
        'PersistentVolume',
        'CustomResourceDefinition',
        'Namespace',
      ]) {
        assert.ok(!kinds.includes(kind), `${step.id} deletes ${kind}`);
      }
      if (!step.destructive || !/secret/.test(step.command)) continue;
      const named = /delete secret runai-backend-postgresql/.test(step.command);
      assert.ok(named || step.command.includes('type!=helm.sh/release.v1'), step.command);
    }
  });
});

test('invariant: when volumes change hands, Retain and keep come before every delete and before the chart', () => {
  always((steps, facts) => {
    const { backend } = facts.site;
    const to = facts.target.backend;
    if (!backend || !to || compareVersions(to, backend) < 0) return;
    const moves = crosses(backend, to, 2, 9) || crosses(backend, to, 2, 11) || crosses(backend, to, 2, 12);
    const data = facts.site.platform === 'openshift' ? [CLAIMS.postgresql] : Object.values(CLAIMS);
    if (!moves || !data.some((claim) => facts.site.claims.includes(claim))) return;
    const risky = (step: ProductStep) => step.destructive || step.id === 'helm:runai-backend';
    assert.ok(comesBefore(steps, 'retain:volumes', risky));
    assert.ok(comesBefore(steps, 'keep:claims', risky));
    for (const step of steps) {
      if (step.action.kind !== 'retain-volumes' && step.action.kind !== 'keep-claims') continue;
      assert.ok(step.action.claims.every((claim) => facts.site.claims.includes(claim)));
    }
  });
});

test('invariant: whatever deletes something has the volumes at Retain before it', () => {
  always((steps, facts) => {
    const data = facts.site.claims.some((claim) => claim === CLAIMS.postgresql);
    if (!data) return;
    assert.ok(comesBefore(steps, 'retain:volumes', (step) => step.destructive));
  });
  const later = factsOf({
    from: '2.13.66',
    to: '2.16.79',
    site: { cluster: version('2.8.20'), claims: ['data-runai-backend-postgresql-0', 'by-hand'] },
  });
  const retained = composeSteps(later).find(({ action }) => action.kind === 'retain-volumes')?.action;
  assert.ok(retained?.kind === 'retain-volumes');
  assert.deepEqual(retained.claims, ['data-runai-backend-postgresql-0'], 'claims of the later eras too');
});

test('invariant: going to 2.12 or later from before it names the existing claims, and only those', () => {
  always((steps, facts) => {
    const { backend } = facts.site;
    const to = facts.target.backend;
    if (!backend || !to || !crosses(backend, to, 2, 12)) return;
    const settings = helmSettings(facts);
    const seen = (claim: string) => (facts.site.claims.includes(claim) ? claim : undefined);
    assert.equal(settings['postgresql.primary.persistence.existingClaim'], seen('pvc-postgresql'));
    const thanos = facts.site.platform === 'kubernetes' ? seen('pvc-thanos-receive') : undefined;
    assert.equal(settings['thanos.receive.persistence.existingClaim'], thanos);
    assert.ok(at(steps, 'helm:runai-backend') >= 0);
  });
});

test('invariant: NGINX’s cluster-wide objects go only when enabled, owned and on Kubernetes', () => {
  always((steps, { site }) => {
    const webhook = at(steps, /^delete:validatingwebhookconfiguration/) >= 0;
    const ingressClass = at(steps, /^delete:ingressclass/) >= 0;
    if (webhook) assert.ok(site.nginxEnabled && site.nginxOwned.webhook && site.platform === 'kubernetes');
    if (ingressClass)
      assert.ok(site.nginxEnabled && site.nginxOwned.ingressClass && site.platform === 'kubernetes');
  });
});

test('threat 120: invariant: control plane before cluster, CRDs before the cluster’s chart, proof last', () => {
  always((steps) => {
    const cluster = (step: ProductStep) => /^(helm|helm-uninstall|wait):runai-cluster$/.test(step.id);
    assert.ok(comesBefore(steps, 'wait:runai-backend', cluster));
    assert.ok(comesBefore(steps, 'crds', (step) => step.id === 'helm:runai-cluster'));
    assert.equal(steps.at(-1)?.id, 'prove:images');
  });
});

test('invariant: what may lack its source is found out before anything is taken away', () => {
  always((steps) => {
    const tls = at(steps, 'secret:runai-backend-tls');
    const first = steps.findIndex((step) => step.destructive);
    assert.ok(tls < 0 || first < 0 || tls < first);
  });
});

test('invariant: a step that follows another comes after it', () => {
  always((steps) => {
    for (const step of steps)
      if (step.follows !== undefined)
        assert.ok(
          comesBefore(steps, step.follows, (one) => one === step),
          step.id,
        );
  });
});

test('invariant: every prerequisite has its namespace, is waited for, and stands between deletes and control plane', () => {
  always((steps, { site, target }) => {
    for (const { release, namespace } of target.prerequisites) {
      const place = at(steps, `prerequisite:${release}`);
      assert.equal(at(steps, `wait:${release}`), place + 1);
      const made = steps.find(({ action }) => action.kind === 'create-namespaces')?.action;
      assert.ok(made?.kind === 'create-namespaces' && made.names.includes(namespace));
      const reinstalled = at(steps, /^helm-uninstall:/) >= 0 && release === PROMETHEUS.release;
      if (!reinstalled) assert.ok(place < at(steps, 'helm:runai-backend'));
      if (site.backend === undefined || reinstalled) continue;
      const backend = steps.filter(
        ({ action, destructive }) => destructive && ['delete-objects', 'delete-owned'].includes(action.kind),
      );
      assert.ok(backend.every((step) => steps.indexOf(step) < place));
    }
  });
});

test('invariant: what takes the product down is followed by what brings it back', () => {
  always((steps) => {
    const starts = steps.findIndex((step) => step.outage === 'starts');
    const ends = steps.findLastIndex((step) => step.outage === 'ends');
    if (starts >= 0) assert.ok(ends > starts);
    for (const step of steps) {
      if (step.destructive && /runai-backend/.test(step.command) && step.action.kind !== 'delete-objects') {
        assert.ok(starts >= 0, step.id);
      }
    }
  });
});

test('invariant: OpenShift never gets an ingress, TLS or NGINX step', () => {
  always((steps, { site }) => {
    if (site.platform !== 'openshift') return;
    for (const step of steps)
      assert.doesNotMatch(step.id, /^(?!(prerequisite|wait):).*(ingress|tls|webhook)/);
  });
});

test('invariant: the old cluster’s Prometheus is gone before another comes', () => {
  always((steps, facts) => {
    const place = at(steps, 'prerequisite:prometheus');
    const gone = at(steps, /^helm-uninstall/);
    if (place >= 0 && gone >= 0) assert.ok(gone < place);
    const wanted = facts.target.prerequisites.length;
    assert.equal(steps.filter((step) => step.id.startsWith('prerequisite:')).length, wanted);
  });
});

test('steps are plain data: they survive JSON', () => {
  for (const facts of pairs()) {
    const steps = composeSteps(facts);
    assert.deepEqual(JSON.parse(JSON.stringify(steps)), steps);
  }
});

function deletedKinds({ action }: ProductStep): string[] {
  switch (action.kind) {
    case 'delete-objects':
      return action.objects.map((object) => object.kind);
    case 'delete-owned':
      return action.kinds.map((one) => one.kind);
    case 'delete-leftovers':
      return [...action.kinds, ...action.labelled, ...action.objects].map((one) => one.kind);
    default:
      return [];
  }
}

function helmSettings(facts: Facts): Settings {
  const step = composeSteps(facts).find((one) => one.id === 'helm:runai-backend');
  assert.ok(step?.action.kind === 'helm');
  return step.action.settings;
}

function pairs(): Facts[] {
  return RELEASES.flatMap((from) =>
    RELEASES.filter((to) => compareVersions(version(to), version(from)) > 0).flatMap((to) => [
      factsOf({ from, to }),
      ...(isAtLeast(version(from), 2, 9) ? [] : [factsOf({ from, to, nginx: 'off' })]),
      factsOf({ from, to, platform: 'openshift' }),
    ]),
  );
}

function titleOf(facts: Facts): string {
  const { site, target } = facts;
  const nginx = site.nginxEnabled ? ', NGINX its own' : '';
  return `== ${site.backend?.text} -> ${target.backend?.text}, ${site.platform}${nginx} (${backendPath(facts)})`;
}

function lineOf(step: ProductStep): string {
  const marks = [
    step.destructive ? 'D' : '',
    step.lasting ? 'lasting' : '',
    step.outage ? `outage ${step.outage}` : '',
    step.action.kind === 'helm'
      ? Object.entries(step.action.settings)
          .map(([k, v]) => `${k}=${v}`)
          .join(' ')
      : '',
    'claims' in step.action ? step.action.claims.join(' ') : '',
    step.action.kind === 'delete-owned' ? step.action.kinds.map((one) => one.kind).join(' ') : '',
  ].filter((mark) => mark !== '');
  return `   ${step.id}${marks.length === 0 ? '' : `  [${marks.join('; ')}]`}`;
}
