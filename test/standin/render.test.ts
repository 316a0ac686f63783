import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { chartsOf, imagesOf, made, program, type Rendered, render, temporary } from './support.js';

const helm = program('helm') ?? '';
const helm4 = program('helm4');
const skip = helm === '' ? 'no helm: run scripts/tools ensure helm' : false;

/** Object names that must be there; those with a ! must not. */
const EXPECTED: readonly { from: number; to: number; names: readonly string[] }[] = [
  {
    from: 7,
    to: 20,
    names: [
      'StatefulSet/keycloak',
      'Service/keycloak-http',
      'Service/keycloak-headless',
      'StatefulSet/runai-backend-postgresql',
      'Service/runai-backend-postgresql',
      'StatefulSet/runai-backend-thanos-receive',
      'Deployment/runai-backend-backend',
      'Deployment/runai-backend-frontend',
      'Deployment/runai-backend-grafana',
      'Ingress/runai-backend-ingress',
      'Secret/runai-backend-postgresql',
      'CronJob/runai-backend-db-maintenance',
      'Pod/runai-backend-grafana-test',
    ],
  },
  {
    from: 7,
    to: 8,
    names: [
      'Deployment/runai-backend-nginx-ingress-controller',
      'ValidatingWebhookConfiguration/runai-backend-nginx-ingress-admission',
      'IngressClass/nginx',
    ],
  },
  {
    from: 9,
    to: 20,
    names: [
      '!ValidatingWebhookConfiguration/runai-backend-nginx-ingress-admission',
      '!IngressClass/nginx',
      '!Service/runai-backend-postgresql-headless',
    ],
  },
  {
    from: 7,
    to: 11,
    names: [
      'PersistentVolumeClaim/pvc-postgresql',
      'PersistentVolumeClaim/pvc-thanos-receive',
      'Secret/gcr-secret',
      'Service/runai-backend-thanos-query',
      '!StatefulSet/runai-backend-redis-queue-master',
    ],
  },
  {
    from: 12,
    to: 20,
    names: [
      '!PersistentVolumeClaim/pvc-postgresql',
      '!PersistentVolumeClaim/pvc-thanos-receive',
      'StatefulSet/runai-backend-redis-queue-master',
      'Deployment/runai-backend-tenants-manager',
      '!Secret/gcr-secret',
    ],
  },
];

const CLUSTER = [
  'RunaiConfig/runai',
  'ConfigMap/runai-public',
  'Deployment/runai-operator',
  'Deployment/runai-agent',
  'Deployment/runai-scheduler',
  'Deployment/runai-project-controller',
  'DaemonSet/runai-node-exporter',
  'DaemonSet/runai-container-toolkit',
  'PriorityClass/build',
  'PriorityClass/runai-critical',
];

const nameOf = ({ kind, metadata }: Rendered): string => `${kind}/${metadata.name}`;

function checkNames(objects: readonly Rendered[], expected: readonly string[]): void {
  const found = new Set(objects.map(nameOf));
  for (const name of expected) {
    if (name.startsWith('!')) assert.ok(!found.has(name.slice(1)), `${name.slice(1)} is rendered`);
    else assert.ok(found.has(name), `${name} is missing`);
  }
}

interface SpecText {
  readonly charts: readonly { readonly imageValues: Readonly<Record<string, string>> }[];
  readonly images: {
    readonly include: readonly { readonly ref: string; readonly reason?: string }[];
  };
}

function specOf(out: string): SpecText {
  return parse(readFileSync(join(out, 'spec.yaml'), 'utf8'));
}

describe('charts of every version', { skip }, () => {
  for (let minor = 7; minor <= 20; minor++) {
    it(`2.${minor} renders with its era's names, and its images are those of the spec`, (context) => {
      const out = temporary(context);
      made(['--version', `2.${minor}.1`, '--out', out]);
      const charts = chartsOf(out);
      const backend = render(helm, charts.backend);
      const cluster = render(helm, charts.cluster);
      const expected = EXPECTED.filter(({ from, to }) => minor >= from && minor <= to);
      checkNames(
        backend,
        expected.flatMap(({ names }) => names),
      );
      checkNames(cluster, CLUSTER);
      const old = [
        'Service/runai-cluster-kube-prometh-kubelet',
        'Service/runai-cluster-kube-prometh-prometheus',
      ];
      checkNames(cluster, minor <= 8 ? old : old.map((name) => `!${name}`));
      if (helm4 !== undefined) assert.deepEqual(render(helm4, charts.backend), backend);

      const spec = specOf(out);
      const listed = spec.images.include.filter(({ reason }) => reason === undefined).map(({ ref }) => ref);
      const rendered = imagesOf([...backend, ...cluster]).filter((ref) => !ref.includes('/bats/'));
      assert.deepEqual(rendered, listed.sort());
      const site = 'site.example:5000/prefix';
      for (const [number, chart] of [charts.backend, charts.cluster].entries()) {
        const sets = Object.entries(spec.charts[number]!.imageValues).map(
          ([key, text]) => `--set-string=${key}=${text.replaceAll('{{registry}}', site)}`,
        );
        const plain = imagesOf(render(helm, chart));
        const flat = plain.map((ref) =>
          ref.includes('/bats/')
            ? `${site}/bats/bats:v1.4.1`
            : `${site}/${ref.slice(ref.lastIndexOf('/') + 1)}`,
        );
        assert.deepEqual(imagesOf(render(helm, chart, sets)), flat.sort());
      }
    });
  }

  it('names a registry in place of the public ones, and the same digests', (context) => {
    const folder = temporary(context);
    const [open, full] = [join(folder, 'open'), join(folder, 'full')];
    made(['--version', '2.20', '--out', open]);
    made(['--version', '2.20', '--out', full, '--full']);
    const [few, all] = [open, full].map((out) => render(helm, chartsOf(out).backend)) as [
      Rendered[],
      Rendered[],
    ];
    const deployments = (objects: Rendered[]) => objects.filter(({ kind }) => kind === 'Deployment').length;
    assert.equal(deployments(few), 4);
    assert.equal(deployments(all), 20, 'every Deployment of 2.20');
    const listed = specOf(full).images.include.map(({ ref }) => ref);
    const rendered = imagesOf([...all, ...render(helm, chartsOf(full).cluster)]);
    assert.deepEqual(
      rendered.filter((ref) => !ref.includes('/bats/') && !listed.includes(ref)),
      [],
    );
  });
});

describe('what an upgrade meets', { skip }, () => {
  const folder = temporary({ after });
  const known = new Map<string, ReturnType<typeof chartsOf>>();
  const make = (version: string, ...more: string[]) => {
    const key = [version, ...more].join('-');
    const charts = known.get(key);
    if (charts) return charts;
    made(['--version', version, '--out', join(folder, key), ...more]);
    known.set(key, chartsOf(join(folder, key)));
    return chartsOf(join(folder, key));
  };
  const find = (objects: readonly Rendered[], name: string): Rendered => {
    const found = objects.find((object) => nameOf(object) === name);
    assert.ok(found, `${name} is missing`);
    return found;
  };
  const immutable = (object: Rendered): unknown => {
    const { selector, serviceName, volumeClaimTemplates } = object['spec'];
    return { selector, serviceName, volumeClaimTemplates };
  };
  const CLAIMS = [
    '--set=postgresql.primary.persistence.existingClaim=pvc-postgresql',
    '--set=thanos.receive.persistence.existingClaim=pvc-thanos-receive',
  ];
  const SETS = ['keycloak', 'runai-backend-postgresql', 'runai-backend-thanos-receive'].map(
    (name) => `StatefulSet/${name}`,
  );

  it('changes what cannot be changed from 2.8 to 2.9 and 2.13, but for Thanos', () => {
    const old = render(helm, make('2.8').backend);
    for (const [version, sets] of [
      ['2.9', []],
      ['2.13', CLAIMS],
    ] as const) {
      const fresh = render(helm, make(version).backend, sets);
      const same = SETS.filter((name) => {
        const [before, after] = [find(old, name), find(fresh, name)].map(immutable);
        return JSON.stringify(before) === JSON.stringify(after);
      });
      assert.deepEqual(same, ['StatefulSet/runai-backend-thanos-receive']);
      assert.deepEqual(Object.keys(find(old, 'Secret/runai-backend-postgresql')['data']), [
        'postgresql-password',
        'postgresql-postgres-password',
      ]);
      assert.deepEqual(Object.keys(find(fresh, 'Secret/runai-backend-postgresql')['data']), [
        'password',
        'postgres-password',
      ]);
    }
  });

  it('needs existingClaim, and nothing deleted, from 2.9 to 2.13', () => {
    const old = render(helm, make('2.9').backend);
    const { backend } = make('2.13');
    for (const [sets, changed] of [
      [CLAIMS, []],
      [[], SETS.slice(1)],
    ] as const) {
      const fresh = render(helm, backend, sets);
      const different = SETS.filter(
        (name) => JSON.stringify(immutable(find(old, name))) !== JSON.stringify(immutable(find(fresh, name))),
      );
      assert.deepEqual(different, changed);
    }
  });

  it('gives RunaiConfig a finalizer that nobody removes, when asked', () => {
    for (const version of ['2.8', '2.13', '2.20'])
      for (const asked of [true, false]) {
        const sets = [`--set=standin.runaiconfigFinalizer=${asked}`];
        const { metadata } = find(render(helm, make(version).cluster, sets), 'RunaiConfig/runai');
        const { finalizers } = metadata as { finalizers?: readonly string[] };
        assert.deepEqual(finalizers, asked ? ['run.ai/runaiconfig'] : undefined, version);
      }
  });

  it('keeps the selectors of Deployments from 2.8 to 2.20', () => {
    const [old, fresh] = ['2.8', '2.20'].map((version) => render(helm, make(version).backend));
    for (const name of ['backend', 'frontend', 'grafana'].map((end) => `Deployment/runai-backend-${end}`)) {
      assert.deepEqual(immutable(find(fresh!, name)), immutable(find(old!, name)));
    }
  });

  it('has a new selector in the cluster chart of 2.9', () => {
    const [old, next, last] = ['2.8', '2.9', '2.20'].map((version) => render(helm, make(version).cluster));
    const selector = (objects: Rendered[]) => immutable(find(objects, 'Deployment/runai-operator'));
    assert.notDeepEqual(selector(next!), selector(old!));
    assert.deepEqual(selector(last!), selector(next!));
  });

  it('makes the claims of 2.11 once and leaves them to the customer', () => {
    const claim = (version: string) =>
      find(render(helm, make(version).backend), 'PersistentVolumeClaim/pvc-postgresql');
    assert.equal(claim('2.10').metadata.annotations, undefined);
    assert.deepEqual(claim('2.11').metadata.annotations, {
      'helm.sh/hook': 'pre-install',
      'helm.sh/hook-delete-policy': 'hook-failed',
      'helm.sh/resource-policy': 'keep',
    });
  });

  it('takes the certificate from the values up to 2.10 and from a secret later', () => {
    const https = [
      '--set=backend.https.key=KEY',
      '--set=backend.https.crt=CRT',
      '--set=deployment.domain=d.test',
    ];
    const old = render(helm, make('2.10').backend, https);
    const tls = (objects: Rendered[]) => find(objects, 'Ingress/runai-backend-ingress')['spec'].tls;
    assert.deepEqual(tls(old), [{ secretName: 'runai-backend-https', hosts: ['d.test'] }]);
    assert.equal(
      Buffer.from(find(old, 'Secret/runai-backend-https')['data']['tls.crt'], 'base64').toString(),
      'CRT',
    );
    const third = render(helm, make('2.11').backend, ['--set=deployment.domain=d.test']);
    assert.deepEqual(tls(third), [{ secretName: 'runai-backend-tls', hosts: ['d.test'] }]);
    const last = render(helm, make('2.13').backend, ['--set=global.domain=d.test']);
    assert.deepEqual(tls(last), [{ secretName: 'runai-backend-tls', hosts: ['d.test'] }]);
  });

  it('leaves NGINX out when the values say so', () => {
    const objects = render(helm, make('2.8').backend, ['--set=nginx-ingress.enabled=false']);
    assert.deepEqual(
      objects.filter((object) => nameOf(object).includes('nginx')),
      [],
    );
  });

  it('has Routes and no Ingress on OpenShift, and no Thanos claim up to 2.11', () => {
    const old = render(helm, make('2.9').backend, ['--set=openshift=true']);
    checkNames(old, [
      'Route/runai-backend-ingress',
      '!Ingress/runai-backend-ingress',
      '!PersistentVolumeClaim/pvc-thanos-receive',
    ]);
    const sets = ['--set=global.config.kubernetesDistribution=openshift'];
    checkNames(render(helm, make('2.13').backend, sets), [
      'Route/runai-backend-ingress',
      '!Ingress/runai-backend-ingress',
    ]);
  });

  it('uses a secret, a database and an authority of the customer when told to', () => {
    const { backend } = make('2.16');
    const own = render(helm, backend, [
      '--set=global.postgresql.auth.existingSecret=mine',
      '--set=global.customCA.enabled=true',
    ]);
    checkNames(own, ['!Secret/runai-backend-postgresql']);
    const text = JSON.stringify(find(own, 'StatefulSet/runai-backend-postgresql'));
    assert.match(text, /"name":"mine","key":"postgres-password"/);
    assert.match(
      JSON.stringify(find(own, 'Deployment/runai-backend-backend')),
      /"secretName":"runai-ca-cert"/,
    );
    checkNames(render(helm, backend, ['--set=postgresql.enabled=false']), [
      '!StatefulSet/runai-backend-postgresql',
      '!Secret/runai-backend-postgresql',
    ]);
  });

  it('is broken as asked', () => {
    const backend = (fault: string) =>
      find(render(helm, make('2.13', '--broken', fault).backend), 'Deployment/runai-backend-backend');
    const container = (fault: string) => backend(fault)['spec'].template.spec.containers[0];
    assert.equal(container('missing-image').image, 'gcr.io/run-ai-prod/missing:2.13.0');
    assert.deepEqual(container('crash').command, ['/bin/sh', '-c', 'echo cannot start; exit 1']);
    assert.deepEqual(container('unready').readinessProbe.exec.command, ['/bin/false']);
    assert.equal(backend('immutable')['spec'].selector.matchLabels['app.kubernetes.io/component'], 'other');
    const images = imagesOf(render(helm, make('2.13', '--broken', 'collision').backend));
    assert.ok(
      images.includes('quay.io/someone/backend:2.13.0') &&
        images.includes('gcr.io/run-ai-prod/backend:2.13.0'),
    );
  });
});
