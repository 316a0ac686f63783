import assert from 'node:assert/strict';
import type { TestNode } from '../support/node.js';
import { installByHand } from './by-hand.js';
import { type UpgradeSite, valuesOf, writeValues } from './site.js';
import { DOMAIN, PASSWORDS, type Source } from './table.js';

/** What an upgrade must not lose, as it was before. */
export interface Kept {
  readonly source: Source;
  /** name=uid=volume of every claim. */
  readonly claims: readonly string[];
  readonly rows: string;
  readonly files: string;
  /** Of somebody else's NGINX; empty where there is none. */
  readonly foreign: readonly string[];
  /** Revision of the control plane's release. */
  readonly revision: number;
}

const NS = 'runai-backend';
const INGRESS = 'runai-backend-ingress';
const VIEWERS = 'runai-job-viewer-manual';
const ROWS = `
  create table kept (id int primary key, x text);
  insert into kept select g, md5(g::text) from generate_series(1, 5000) g;
  create table "Odd Name" (x bytea); insert into "Odd Name" values ('\\x00ff'), (null);
  insert into users (email, tenant, role) values ('ada@corp.test', 1, 'admin');
  insert into grafana.dashboard values (7, 'Made by hand');
`;
const COUNT = `
  select 'kept', count(*), md5(string_agg(x, '' order by id)) from kept
  union all select 'odd', count(*), md5(string_agg(coalesce(x, 'nil')::text, '' order by x)) from "Odd Name"
  union all select 'users', count(*), md5(string_agg(email || role, '' order by id)) from users
  union all select 'tenants', count(*), md5(string_agg(name, '' order by id)) from tenants
  union all select 'dashboards', count(*), md5(string_agg(title, '' order by id)) from grafana.dashboard
`;
const THANOS = '/var/thanos/receive';
const SUMS = `cd ${THANOS} && find . -type f | sort | xargs sha256sum`;

/** Puts a source up and fills it: rows, files, hand-made changes, and other people's things. */
export async function furnish(site: UpgradeSite, source: Source): Promise<Kept> {
  const { node } = site;
  if (source.nginx === 'foreign') apply(node, FOREIGN(node.registry));
  if (source.by === 'hand') installByHand(node, { version: source.version, ...valuesOf(site, source) });
  else await installWithAirgap(site, source);
  node.must('psql', 'backend', ROWS);
  const blocks = `mkdir -p ${THANOS}/01HAND/chunks && head -c 3000000 /dev/urandom >${THANOS}/01HAND/chunks/000001`;
  inThanos(node, `${blocks} && echo '{}' >${THANOS}/01HAND/meta.json`);
  byHand(node);
  return {
    source,
    claims: claims(node),
    rows: node.must('psql', 'backend', COUNT),
    files: inThanos(node, SUMS),
    foreign: foreign(node),
    revision: history(node).at(-1)?.revision ?? 0,
  };
}

async function installWithAirgap(site: UpgradeSite, source: Source): Promise<void> {
  const state = site.newState(`source-${source.id}`);
  const ran = await site.install(
    { to: source.version, helm: 'helm3', state, acknowledge: [] },
    ...writeValues(site, source),
  );
  assert.equal(ran.status, 0, `${source.id}: ${ran.out}\n${ran.err}`);
}

/** Changes that people make with kubectl: on what the charts own, and beside it. */
function byHand(node: TestNode): void {
  const on = (...words: string[]): string => node.kubectl('-n', NS, ...words);
  on('annotate', 'ingress', INGRESS, 'cert-manager.io/issuer=corp');
  on('annotate', 'ingress', INGRESS, '--overwrite', 'nginx.ingress.kubernetes.io/proxy-body-size=10g');
  patch(
    node,
    [NS, 'ingress', INGRESS],
    [
      { op: 'add', path: '/spec/tls/-', value: { hosts: [`*.${DOMAIN}`], secretName: 'star' } },
      { op: 'add', path: '/spec/rules/-', value: rule(`extra.${DOMAIN}`) },
    ],
  );
  on('create', 'secret', 'generic', 'by-hand', '--from-literal=a=b');
  on('create', 'configmap', 'by-hand', '--from-literal=a=b');
  on('create', 'serviceaccount', 'by-hand');
  apply(node, [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'by-hand', namespace: NS },
      spec: { rules: [rule('other.test')] },
    },
  ]);
  node.kubectl('-n', 'runai', 'create', 'configmap', 'notes', '--from-literal=a=b');
  node.kubectl('-n', 'runai', 'create', 'secret', 'generic', 'team-key', '--from-literal=a=b');
  node.kubectl('-n', 'runai', 'label', 'secret', 'team-key', 'run.ai/department=x');
  apply(node, OF_ANOTHER_RELEASE(node.registry));
  node.kubectl('create', 'clusterrolebinding', VIEWERS, '--clusterrole=view', '--user=ada');
  node.kubectl('label', 'clusterrolebinding', VIEWERS, 'app=runai');
  const spec = { limitRange: { cpu: '1' }, 'mps-server': { enabled: true } };
  node.kubectl(
    '-n',
    'runai',
    'patch',
    'runaiconfig',
    'runai',
    '--type=merge',
    '-p',
    JSON.stringify({ spec }),
  );
  if (has(node, 'rolebinding', 'runai-cli-index-map-editor'))
    patch(
      node,
      ['runai', 'rolebinding', 'runai-cli-index-map-editor'],
      [
        {
          op: 'add',
          path: '/subjects/-',
          value: { kind: 'User', name: 'ada', apiGroup: 'rbac.authorization.k8s.io' },
        },
      ],
    );
}

/** Every row, file, claim, hand-made change and customised value is there and in effect. */
export function demandKept(node: TestNode, kept: Kept, to: string, others: readonly string[] = []): void {
  const minor = Number(to.split('.')[1]);
  assert.equal(node.must('psql', 'backend', COUNT), kept.rows, 'every row is there');
  assert.equal(inThanos(node, SUMS), kept.files, 'every file on the Thanos volume is there');
  const now = claims(node);
  for (const claim of kept.claims) assert.ok(now.includes(claim), `${claim} is not among ${now.join(' ')}`);
  demandIngress(node);
  demandOthers(node, kept, minor);
  demandValues(node, minor);
  demandRunaiConfig(node);
  const revisions = history(node);
  assert.ok(
    revisions.some(({ revision }) => revision === kept.revision),
    'Helm remembers the revision before the upgrade',
  );
  assert.equal(revisions.at(-1)?.status, 'deployed');
  const charts = JSON.parse(node.must('exec', 'helm', 'list', '-A', '-o', 'json')) as { chart: string }[];
  const name = minor >= 12 ? 'control-plane' : 'runai-backend';
  assert.deepEqual(
    charts.map(({ chart }) => chart).sort(),
    [`${name}-${to}`, `runai-cluster-${to}`, ...others].sort(),
  );
  const troubles = node.kubectl('get', 'pods', '-A', '--field-selector=status.phase!=Running', '-o', 'name');
  assert.equal(troubles, '', 'everything runs');
}

function demandIngress(node: TestNode): void {
  const { metadata, spec } = node.json('-n', NS, 'get', 'ingress', INGRESS) as unknown as LiveIngress;
  assert.equal(metadata.annotations['cert-manager.io/issuer'], 'corp');
  assert.equal(metadata.annotations['nginx.ingress.kubernetes.io/proxy-body-size'], '10g');
  assert.ok(
    spec.tls.some(({ hosts }) => hosts.includes(`*.${DOMAIN}`)),
    JSON.stringify(spec.tls),
  );
  assert.ok(
    spec.tls.some(({ hosts }) => hosts.includes(DOMAIN)),
    JSON.stringify(spec.tls),
  );
  assert.deepEqual(spec.rules.map(({ host }) => host).sort(), [`extra.${DOMAIN}`, DOMAIN].sort());
  node.kubectl('-n', NS, 'get', 'ingress', 'by-hand');
}

function demandOthers(node: TestNode, { foreign: before, source }: Kept, minor: number): void {
  for (const kind of ['secret', 'configmap', 'serviceaccount'])
    node.kubectl('-n', NS, 'get', kind, 'by-hand');
  for (const one of [
    ...['configmap/notes', 'secret/team-key', 'secret/runai-cluster-domain-tls-secret'],
    ...['deployment/of-another-release', 'service/of-another-release'],
  ])
    node.kubectl('-n', 'runai', 'get', one);
  assert.deepEqual(foreign(node), before, 'the other NGINX is as it was');
  const classes = node.kubectl('get', 'ingressclass', '-o', 'jsonpath={.items[*].metadata.name}').split(' ');
  const hasNginx = source.nginx === 'foreign' || (source.nginx === 'own' && minor <= 8);
  assert.deepEqual(classes.sort(), hasNginx ? ['haproxy', 'nginx'] : ['haproxy']);
  const viewers = node.json('get', 'clusterrolebinding', VIEWERS);
  assert.match(JSON.stringify(viewers['subjects']), /"ada"/);
  if (Number(source.version.split('.')[1]) > 8) return;
  const binding = node.json('-n', 'runai', 'get', 'rolebinding', 'runai-cli-index-map-editor');
  assert.match(JSON.stringify(binding['subjects']), /"ada"/);
}

/** What the customised values bring about, wherever the new chart keeps it. */
function demandValues(node: TestNode, minor: number): void {
  const backend = JSON.stringify(node.json('-n', NS, 'get', 'deployment', 'runai-backend-backend'));
  assert.match(backend, /"name":"LOG_LEVEL","value":"debug"/);
  assert.match(backend, new RegExp(`"name":"DOMAIN","value":"${DOMAIN}"`));
  assert.equal(secret(node, 'keycloak-admin', 'password'), PASSWORDS.keycloak);
  assert.equal(secret(node, 'runai-backend-grafana-db', 'password'), PASSWORDS.grafana);
  const keycloak = JSON.stringify(node.json('-n', NS, 'get', 'statefulset', 'keycloak'));
  assert.match(keycloak, /"name":"KEYCLOAK_ADMIN","value":"root"/);
  const old = minor <= 8;
  const keys = old
    ? ['postgresql-password', 'postgresql-postgres-password']
    : ['password', 'postgres-password'];
  const [user = '', superuser = ''] = keys.map((key) => secret(node, 'runai-backend-postgresql', key));
  assert.deepEqual([user, superuser], [PASSWORDS.user, PASSWORDS.superuser]);
  if (minor >= 11) {
    const tls = secret(node, 'runai-backend-tls', 'tls.crt');
    assert.match(tls, /BEGIN CERTIFICATE/);
  }
}

function demandRunaiConfig(node: TestNode): void {
  const { spec } = node.json('-n', 'runai', 'get', 'runaiconfig', 'runai') as {
    spec: Record<string, unknown>;
  };
  const at = (part: string): Record<string, unknown> => (spec[part] ?? {}) as Record<string, unknown>;
  assert.equal(at('limitRange')['cpu'], '1', JSON.stringify(spec));
  assert.equal(at('mps-server')['enabled'], true, JSON.stringify(spec));
  assert.equal(at('project-controller')['createNamespaces'], false, JSON.stringify(spec));
}

interface LiveIngress {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly tls: readonly { readonly hosts: readonly string[] }[];
    readonly rules: readonly { readonly host: string }[];
  };
}

export function history(node: TestNode): { revision: number; status: string; chart: string }[] {
  return JSON.parse(node.must('exec', 'helm', 'history', NS, '-n', NS, '-o', 'json'));
}

function claims(node: TestNode): string[] {
  const path = '{range .items[*]}{.metadata.name}={.metadata.uid}={.spec.volumeName} {end}';
  return node.kubectl('get', 'pvc', '-n', NS, '-o', `jsonpath=${path}`).split(' ');
}

function secret(node: TestNode, name: string, key: string): string {
  const { data } = node.json('-n', NS, 'get', 'secret', name) as { data: Record<string, string> };
  return Buffer.from(data[key] ?? '', 'base64').toString('utf8');
}

function inThanos(node: TestNode, script: string): string {
  return node.kubectl('exec', '-n', NS, 'runai-backend-thanos-receive-0', '--', 'sh', '-ec', script);
}

function has(node: TestNode, kind: string, name: string): boolean {
  return node.kubectl('-n', 'runai', 'get', kind, name, '--ignore-not-found', '-o', 'name') !== '';
}

function patch(
  node: TestNode,
  [namespace = '', kind = '', name = '']: string[],
  operations: unknown[],
): void {
  node.kubectl('-n', namespace, 'patch', kind, name, '--type=json', '-p', JSON.stringify(operations));
}

/** Through a file: a quick command may lose its standard input. */
function apply(node: TestNode, objects: readonly unknown[]): void {
  node.kubectl(
    'apply',
    '-f',
    node.file('objects.json', JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })),
  );
}

function rule(host: string): unknown {
  const backend = { service: { name: 'runai-backend-frontend', port: { number: 8080 } } };
  return { host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } };
}

/** In the cluster's own namespace, with the marks that Helm leaves; without pods, which the proof would ask about. */
const OF_ANOTHER_RELEASE = (registry: string): unknown[] => {
  const labels = { app: 'of-another-release' };
  const metadata = {
    name: labels.app,
    namespace: 'runai',
    labels: { ...labels, 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'meta.helm.sh/release-name': 'corp', 'meta.helm.sh/release-namespace': 'runai' },
  };
  const containers = [{ name: 'c', image: `${registry}/airgap-node/busybox:1` }];
  const template = { metadata: { labels }, spec: { containers } };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: { replicas: 0, selector: { matchLabels: labels }, template },
    },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ port: 80 }] } },
  ];
};

/** Somebody else's NGINX, under the very names that the page deletes where they are not in a namespace. */
const FOREIGN = (registry: string): unknown[] => {
  const labels = { 'app.kubernetes.io/name': 'ingress-nginx', 'app.kubernetes.io/component': 'controller' };
  const namespace = 'ingress-nginx';
  const container = { name: 'controller', image: `${registry}/airgap-node/busybox:1` };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'nginx', labels },
      spec: { controller: 'k8s.io/ingress-nginx' },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'runai-backend-nginx-ingress-admission', labels },
      webhooks: [
        {
          name: 'validate.nginx.ingress.kubernetes.io',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          namespaceSelector: { matchLabels: { nobody: 'has-this' } },
          rules: [
            {
              apiGroups: ['networking.k8s.io'],
              apiVersions: ['v1'],
              operations: ['CREATE'],
              resources: ['ingresses'],
            },
          ],
          clientConfig: { service: { namespace, name: 'admission', path: '/' } },
        },
      ],
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'ingress-nginx-controller', namespace, labels },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { terminationGracePeriodSeconds: 0, containers: [container] },
        },
      },
    },
  ];
};

/** Identity and content of the other NGINX. */
function foreign(node: TestNode): string[] {
  const things = [
    ['ingressclass', 'nginx'],
    ['validatingwebhookconfiguration', 'runai-backend-nginx-ingress-admission'],
    ['-n', 'ingress-nginx', 'deployment', 'ingress-nginx-controller'],
  ];
  return things.flatMap((words) => {
    const name = words.at(-1) ?? '';
    const place = words.slice(0, -2);
    const text = node.kubectl(...place, 'get', words.at(-2) ?? '', name, '--ignore-not-found', '-o', 'json');
    if (text === '') return [];
    const { metadata, spec, webhooks } = JSON.parse(text);
    if (metadata.annotations?.['meta.helm.sh/release-name'] !== undefined) return [];
    return [JSON.stringify([name, metadata.uid, metadata.generation, metadata.labels, spec, webhooks])];
  });
}
