import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FindingId } from '../../../src/install/rows.js';
import { CLAIM, CLUSTER, clearPending, leavePending } from './fault-install.js';
import { definition, type FaultSite, type Manifest } from './fault-site.js';
import { OPENSHIFT_FAULTS } from './openshift-site.js';

/** A site on which some rows of preflight say the worst that they can. */
export interface FaultySite {
  readonly title: string;
  /** By row: words that must be in what was seen. */
  readonly rows: Readonly<Partial<Record<FindingId, RegExp>>>;
  /** Breaks things, and gives the bundle and flags to look with. */
  readonly make: (site: FaultSite) => Promise<Asked> | Asked;
  readonly undo: (site: FaultSite) => Promise<void> | void;
}

export interface Asked {
  readonly bundle: string;
  /** The node's own registry when absent. */
  readonly registry?: string;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Mounts a file system of so many bytes there first, for this process only. */
  readonly small?: { readonly folder: string; readonly bytes: number };
}

const DATABASE_IMAGE = 'postgresql:15.8.0-debian-12-r14';
const DOMAIN = ['--domain', 'runai.test'];
const MAIN = '2.13.66';
const NOBODY = { namespace: 'default', name: 'nobody', path: '/' };
const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';
const BACKEND = { release: 'runai-backend', namespace: 'runai-backend' } as const;

const named = (name: string, namespace?: string) => ({
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
});

const QUOTA: Manifest = {
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  ...named('tight', 'runai-backend'),
  spec: { hard: { pods: '1' } },
};
const FOREIGN: readonly Manifest[] = [
  { apiVersion: 'v1', kind: 'ServiceAccount', ...named('runai-backend', 'runai-backend') },
  {
    apiVersion: 'v1',
    kind: 'Service',
    ...named('runai-backend-frontend', 'runai-backend'),
    spec: { ports: [{ port: 1 }] },
  },
];
const APPLICATIONS = definition({
  group: 'argoproj.io',
  plural: 'applications',
  kind: 'Application',
  scope: 'Namespaced',
  versions: ['v1alpha1'],
});
const APPLICATION: Manifest = {
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Application',
  ...named('product', 'default'),
  spec: { destination: { namespace: 'runai-backend' }, source: { helm: { releaseName: 'runai-backend' } } },
};
/** Asked about what is in no namespace although its selector picks namespaces that do not exist. */
const SILENT: Manifest = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingWebhookConfiguration',
  ...named('silent'),
  webhooks: [
    {
      name: 'silent.example.com',
      failurePolicy: 'Fail',
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      clientConfig: { service: NOBODY },
      namespaceSelector: { matchLabels: { audited: 'yes' } },
      rules: [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          apiVersions: ['v1'],
          operations: ['CREATE'],
          resources: ['clusterroles'],
        },
      ],
    },
  ],
};
const AHEAD = (): Manifest => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  ...named('fast-node', 'kube-node-lease'),
  spec: { renewTime: new Date(Date.now() + 600_000).toISOString().replace('Z', '000Z') },
});
const OLD_DEFINITIONS: readonly Manifest[] = [
  definition({ plural: 'departments', kind: 'Department', group: 'scheduling.run.ai', versions: ['v0'] }),
  definition({ plural: 'queues', kind: 'Queue', group: 'scheduling.run.ai', scope: 'Namespaced' }),
  definition({ plural: 'nodepools', kind: 'NodePool', versions: ['v1alpha1'] }),
];
const ODD_POOL: Manifest = {
  apiVersion: 'run.ai/v1alpha1',
  kind: 'NodePool',
  ...named('odd'),
  spec: { labelKey: 7 },
};
const HELD = definition({ plural: 'projects', kind: 'Project', versions: ['v2'], note: 'of somebody else' });
const READER = (of: 'ClusterRole' | 'ClusterRoleBinding'): Manifest => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: of,
  ...named('reader-of-all'),
  ...(of === 'ClusterRole'
    ? {
        rules: [
          { apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] },
          { nonResourceURLs: ['*'], verbs: ['get'] },
        ],
      }
    : {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'reader-of-all' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'restricted' }],
      }),
});
const CLASS = (provisioner: string): Manifest => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'local', annotations: { [DEFAULT_CLASS]: 'true' } },
  provisioner,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
});
const CRASHING: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'lost' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'lost' } },
    template: {
      metadata: { labels: { app: 'lost' } },
      spec: { containers: [{ name: 'c', image: '10.99.0.2:5000/nowhere:1' }] },
    },
  },
};
const ELSEWHERE = { name: 'database', namespace: 'default' };
const OWN = { name: 'runai-backend-postgresql-0', namespace: 'runai-backend' };
/** Pushes the one image that runs. */
const pushDatabase = async (site: FaultSite): Promise<void> => {
  const address = ['--registry', site.node.registry, '--plain-http'];
  const pushed = await site.node.airgap('push', site.bundle('2.18.5', 'with-database'), ...address);
  if (pushed.status !== 0) throw new Error(pushed.err);
};
/** A real PostgreSQL 15. */
const DATABASE = (site: FaultSite, metadata = ELSEWHERE): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata,
  spec: {
    securityContext: { runAsUser: 1001, fsGroup: 1001 },
    terminationGracePeriodSeconds: 0,
    volumes: [{ name: 'data', emptyDir: {} }],
    containers: [
      {
        name: 'postgresql',
        image: `${site.node.registry}/${DATABASE_IMAGE}`,
        env: [{ name: 'POSTGRES_PASSWORD', value: 'of-the-database' }],
        volumeMounts: [{ name: 'data', mountPath: '/bitnami/postgresql' }],
        readinessProbe: { tcpSocket: { port: 5432 }, periodSeconds: 1 },
      },
    ],
  },
});
const GPU_STATE = (site: FaultSite, state: string): void => {
  const patch = JSON.stringify({ status: { state } });
  site.node.kubectl(
    'patch',
    'clusterpolicy/cluster-policy',
    '--subresource=status',
    '--type=merge',
    '-p',
    patch,
  );
};
const nodeName = (site: FaultSite): string =>
  site.node.kubectl('get', 'nodes', '-o', 'name').replace('node/', '');
const label = (site: FaultSite, text: string): void => {
  site.node.kubectl('label', '--overwrite', 'node', nodeName(site), text);
};
/** The kubelet puts its own architecture back within seconds: it is held as long as another one is shown. */
const pretendArch = (site: FaultSite, arch: string | undefined): void => {
  const pid = Number(/^kubelet\s+(\d+)$/m.exec(site.node.must('status'))?.[1]);
  if (!(pid > 1)) throw new Error('the kubelet is not among the node’s processes');
  process.kill(pid, arch === undefined ? 'SIGCONT' : 'SIGSTOP');
  label(site, `kubernetes.io/arch=${arch ?? 'amd64'}`);
};
const tls = (site: FaultSite, namespace: string, name: string): void => {
  const args = ['--cert', join(site.pki, 'domain-chain.crt'), '--key', join(site.pki, 'domain.key')];
  site.node.kubectl('create', 'secret', 'tls', '-n', namespace, name, ...args);
};

/** Every site; together they show every row at its worst (test/install/rows.test.ts demands it). */
export const FAULTY_SITES: readonly FaultySite[] = [
  {
    title: 'a site on which nearly everything is wrong',
    rows: {
      'storage.class': /none is the default/,
      prometheus: /neither operator nor Prometheus runs/,
      'ingress.controller': /class haproxy \(no controller that runs\)/,
      'tls.cluster': /there is no secret runai\/runai-cluster-domain-tls-secret/,
      'tls.backend': /the key is another certificate’s/,
      'namespace.quota': /quota runai-backend\/tight allows pods 1/,
      'namespace.pod-security': /runai enforces restricted/,
      'charts.dry-run.runai-backend':
        /Service runai-backend\/runai-backend-frontend: .*belongs to no release/,
      owners: /Argo CD: application default\/product/,
      'domain.dns': /nowhere\.invalid does not resolve/,
      'ca.secret': /there is no secret runai-backend\/runai-ca-cert/,
      'images.rendered': /2 of \d+ are not the bundle’s: elsewhere\.test\/grafana.*:5000\/not-packed/,
      'nodes.ready': /: cordoned/,
      'nodes.labels': /only one of .*runai-cpu-worker.* and .*runai-gpu-worker/,
      'nodes.size': /2 cores|cores, \d+ GB of memory/,
      'gpu.operator': /notReady/,
      'clock.skew': /node fast-node is \d+ s ahead of the API server/,
      webhooks:
        /silent: silent\.example\.com \(default\/nobody has no endpoints\) is asked about ClusterRole/,
      'crds.compatible': /queues\.scheduling\.run\.ai spec\.scope: cannot be changed/,
      'crds.stored-versions': /departments\.scheduling\.run\.ai status\.storedVersions: v0 is stored/,
      'crds.dry-run': /projects\.run\.ai: .* belongs to gitops/,
      'crds.objects': /nodepools\.run\.ai odd \(v1alpha1\): spec\.labelKey is a number, not string/,
    },
    make: (site) => {
      const { node } = site;
      node.kubectl('annotate', 'storageclass', 'local', `${DEFAULT_CLASS}-`);
      node.kubectl('scale', '-n', 'monitoring', 'deployment/prometheus-operator', '--replicas=0');
      node.kubectl('scale', '-n', 'haproxy-controller', 'deployment/haproxy-ingress', '--replicas=0');
      node.kubectl('delete', '-n', 'runai', 'secret', 'runai-cluster-domain-tls-secret');
      const patch = { data: { 'tls.key': Buffer.from(newKey()).toString('base64') } };
      node.kubectl(
        'patch',
        'secret',
        '-n',
        'runai-backend',
        'runai-backend-tls',
        '-p',
        JSON.stringify(patch),
      );
      node.kubectl('label', 'namespace', 'runai', 'pod-security.kubernetes.io/enforce=restricted');
      site.apply(QUOTA, ...FOREIGN, APPLICATIONS, AHEAD(), ...OLD_DEFINITIONS);
      site.apply(APPLICATION, ODD_POOL);
      const held = site.file('held.json', HELD);
      node.kubectl('apply', '--server-side', '--field-manager=gitops', '-f', held);
      label(site, 'node-role.kubernetes.io/runai-cpu-worker-');
      GPU_STATE(site, 'notReady');
      node.kubectl('cordon', nodeName(site));
      const gone = ['-l', 'app.kubernetes.io/name=prometheus-operator', '--timeout=90s'];
      node.kubectl('wait', '-n', 'monitoring', '--for=delete', 'pod', ...gone);
      site.apply(SILENT);
      const backend = [
        'global.customCA.enabled=true',
        'grafana.image.repository=elsewhere.test/grafana',
        `grafana.proxy.image.repository=${node.registry}/not-packed`,
      ];
      return {
        bundle: site.bundle(MAIN),
        flags: ['--domain', 'nowhere.invalid', ...backend.flatMap((one) => ['--backend-set', one])],
      };
    },
    undo: (site) => {
      const { node } = site;
      site.remove(SILENT, QUOTA, ...FOREIGN, AHEAD(), ODD_POOL, APPLICATION);
      site.remove(APPLICATIONS, ...OLD_DEFINITIONS, HELD);
      node.kubectl('annotate', 'storageclass', 'local', `${DEFAULT_CLASS}=true`);
      node.kubectl('uncordon', nodeName(site));
      node.kubectl('scale', '-n', 'monitoring', 'deployment/prometheus-operator', '--replicas=1');
      node.kubectl('scale', '-n', 'haproxy-controller', 'deployment/haproxy-ingress', '--replicas=1');
      node.kubectl('label', 'namespace', 'runai', 'pod-security.kubernetes.io/enforce-');
      node.kubectl('delete', 'secret', '-n', 'runai-backend', 'runai-backend-tls');
      tls(site, 'runai-backend', 'runai-backend-tls');
      tls(site, 'runai', 'runai-cluster-domain-tls-secret');
      label(site, 'node-role.kubernetes.io/runai-cpu-worker=true');
      GPU_STATE(site, 'ready');
    },
  },
  {
    title:
      'a bundle that asks for another cluster and helm, nodes of another platform, no name, no images pushed',
    rows: {
      'cluster.version': /^v1\./,
      'helm.version': /^v?[34]\./,
      'cluster.platforms': /linux\/arm64/,
      'control-plane.domain': /not given/,
      'registry.content': /of \d+ are not there/,
      'storage.space': /no free volume for/,
      'release.size': /runai-backend \d{4,} KiB/,
    },
    make: (site) => {
      site.remove(CLASS('airgap.test/hostpath'));
      site.apply(CLASS('kubernetes.io/no-provisioner'));
      pretendArch(site, 'arm64');
      const noise = Buffer.from(Array.from({ length: 1_200_000 }, () => Math.floor(Math.random() * 256)));
      const values = site.file('large.json', { note: noise.toString('base64') });
      const bundle = site.bundle(MAIN, 'strict', (spec) => {
        spec.requires = { kubernetes: '>=1.60', helm: '>=3.99 <4' };
      });
      return { bundle, flags: ['--skip-push', '--backend-values', values] };
    },
    undo: (site) => {
      pretendArch(site, undefined);
      site.remove(CLASS('kubernetes.io/no-provisioner'));
      site.apply(CLASS('airgap.test/hostpath'));
    },
  },
  {
    title: 'a release that wants amd64, a name that is none, and a registry that cannot be pushed to',
    rows: {
      'nodes.architecture': /^arm64$/,
      'domain.name': /runai has no dot/,
      'registry.writable': /refused in \d+ of \d+ repositories/,
    },
    make: async (site) => {
      pretendArch(site, 'arm64');
      await site.serve('--bundle', site.bundle(MAIN), '--listen', '10.99.0.2:5001');
      const flags = ['--domain', 'runai', '--probe-push'];
      return { bundle: site.bundle('2.18.5'), registry: '10.99.0.2:5001', flags };
    },
    undo: async (site) => {
      await site.stopServing();
      pretendArch(site, undefined);
    },
  },
  {
    title: 'a database of the site’s own that is too old',
    rows: { 'database.external': /:5432\/backend: PostgreSQL 15\.\d+; PostgreSQL 15 is older than 16/ },
    make: async (site) => {
      await pushDatabase(site);
      site.apply(DATABASE(site));
      site.node.kubectl('wait', '--for=condition=Ready', 'pod/database', '--timeout=180s');
      const host = site.node.kubectl('get', 'pod', 'database', '-o', 'jsonpath={.status.podIP}');
      const auth = { host, port: 5432, username: 'postgres', password: 'of-the-database' };
      const values = { postgresql: { enabled: false }, global: { postgresql: { auth } } };
      const file = site.file('database.json', values);
      return { bundle: site.bundle('2.18.5'), flags: [...DOMAIN, '--backend-values', file] };
    },
    undo: (site) => site.remove(DATABASE(site)),
  },
  {
    title: 'a database of the product’s own that the new server does not open',
    rows: { 'database.major': /data directory is of PostgreSQL 15, and the chart brings \S+:16\.4\.0$/ },
    make: async (site) => {
      await pushDatabase(site);
      site.install({ ...BACKEND, chart: 'control-plane', version: '2.16.79' });
      site.apply(DATABASE(site, OWN));
      const { name, namespace } = OWN;
      site.node.kubectl('wait', '-n', namespace, '--for=condition=Ready', `pod/${name}`, '--timeout=180s');
      const flags = [...DOMAIN, '--backend-set', 'postgresql.image.tag=16.4.0'];
      return { bundle: site.bundle('2.18.5'), flags };
    },
    undo: (site) => {
      site.remove(DATABASE(site, OWN));
      site.uninstall(BACKEND);
    },
  },
  {
    title: 'an old cluster part whose uninstall would take data with it',
    rows: { 'uninstall.runai-cluster': /would also delete PersistentVolumeClaim kept-by-nobody/ },
    make: (site) => {
      site.install({ ...CLUSTER, chart: 'runai-cluster', version: '2.8.20', objects: [CLAIM] });
      // The step would stop all the same: an acknowledgement does not help here.
      const flags = [...DOMAIN, '--acknowledge', 'uninstall.runai-cluster'];
      return { bundle: site.bundle(MAIN), flags };
    },
    undo: (site) => site.uninstall(CLUSTER),
  },
  {
    title: 'a cluster part that would come without knowing who it is',
    rows: { 'cluster.identity': /^empty: controlPlane\.url, cluster\.uid, cluster\.url$/ },
    make: (site) => {
      site.install({ ...CLUSTER, chart: 'runai-cluster', version: MAIN });
      site.install({ ...BACKEND, chart: 'control-plane', version: MAIN });
      const flags = [...DOMAIN, '--cluster-set', 'controlPlane.clientSecret=handed-out'];
      return { bundle: site.bundle('2.18.5'), flags };
    },
    undo: (site) => {
      site.uninstall(CLUSTER);
      site.uninstall(BACKEND);
    },
  },
  {
    title: 'an operator who may only look',
    rows: {
      'cluster.rights': /not allowed: .*create leases\.coordination\.k8s\.io in kube-system/,
      'rights.plan': /not allowed: .*create/,
    },
    make: (site) => {
      site.apply(READER('ClusterRole'), READER('ClusterRoleBinding'));
      const kubeconfig = join(dirname(site.pki), 'restricted.kubeconfig');
      return { bundle: site.bundle(MAIN), flags: [...DOMAIN, '--kubeconfig', kubeconfig] };
    },
    undo: (site) => site.remove(READER('ClusterRole'), READER('ClusterRoleBinding')),
  },
  {
    title: 'a registry with a login, and a pull secret for another one',
    rows: { 'registry.pull-secret': /runai-backend\/runai-reg-creds is for other\.site/ },
    make: async (site) => {
      const users = site.file('users', 'pusher:secret-of-the-pusher\n');
      const root = join(site.node.folder, 'guarded');
      await site.serve('--root', root, '--listen', '10.99.0.2:5001', '--auth-file', users);
      const auth = Buffer.from('pusher:secret-of-the-pusher').toString('base64');
      const authfile = site.file('auth.json', { auths: { '10.99.0.2:5001': { auth } } });
      site.node.kubectl(
        ...['create', 'secret', 'docker-registry', '-n', 'runai-backend', 'runai-reg-creds'],
        ...['--docker-server=other.site', '--docker-username=x', '--docker-password=y'],
      );
      const flags = [...DOMAIN, '--authfile', authfile];
      return { bundle: site.bundle(MAIN), registry: '10.99.0.2:5001', flags };
    },
    undo: async (site) => {
      await site.stopServing();
      site.node.kubectl('delete', 'secret', '-n', 'runai-backend', 'runai-reg-creds');
    },
  },
  {
    title: 'a registry on a full volume, and a full disk here',
    rows: {
      'registry.space': /MB are to be pushed, \d\.\d MB are free/,
      'installer.disk': /temporary files .*: 3\d MB free/,
    },
    make: async (site) => {
      const registry = new URL('../../../src/registry/index.ts', import.meta.url).href;
      const root = join(site.node.folder, 'small');
      await site.serveScript(`
        import { execFileSync } from 'node:child_process';
        import { mkdirSync } from 'node:fs';
        import { serveFolder } from ${JSON.stringify(registry)};
        mkdirSync(${JSON.stringify(root)});
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', ${JSON.stringify(root)}]);
        await serveFolder(${JSON.stringify(root)}, { listen: { host: '10.99.0.2', port: 5001 } });
        console.error('registry at 10.99.0.2:5001');`);
      const folder = join(site.node.folder, 'tiny-tmp');
      return {
        bundle: site.bundle(MAIN),
        registry: '10.99.0.2:5001',
        flags: DOMAIN,
        small: { folder, bytes: 32 * 1024 * 1024 },
      };
    },
    undo: (site) => site.stopServing(),
  },
  {
    title: 'nodes that do not trust the registry',
    rows: { 'registry.pull': /0 of 1 nodes pulled .*; \S+ cannot pull 10\.99\.0\.2:5020/ },
    make: async (site) => {
      // The nodes take port 5020 for a registry with TLS.
      await site.serve('--bundle', site.bundle(MAIN), '--listen', '10.99.0.2:5020');
      return { bundle: site.bundle(MAIN), registry: '10.99.0.2:5020', flags: [...DOMAIN, '--canary'] };
    },
    undo: (site) => site.stopServing(),
  },
  {
    title: 'a name that pods cannot resolve',
    rows: { 'domain.dns-in-pod': /nowhere\.invalid does not resolve in a pod on / },
    make: async (site) => {
      await site.serve('--bundle', site.bundle(MAIN), '--listen', '10.99.0.2:5001');
      const flags = ['--domain', 'nowhere.invalid', '--canary'];
      return { bundle: site.bundle(MAIN), registry: '10.99.0.2:5001', flags };
    },
    undo: (site) => site.stopServing(),
  },
  {
    title: '2.8 with settings that have no place, without its claims, not healthy, and half an upgrade',
    rows: {
      'upgrade.claim-missing:pvc-postgresql': /the claim pvc-postgresql is not there/,
      'values.runai-backend': /handMade\.setting/,
      'release.health.runai-backend': /deployment\/lost: 0 of 1 replicas available/,
      'upgrade.cluster-left': /the cluster part stays at 2\.8\.20/,
    },
    make: (site) => {
      const values = { handMade: { setting: 'x' } };
      site.install({ ...BACKEND, chart: 'runai-backend', version: '2.8.20', values, objects: [CRASHING] });
      site.install({ ...CLUSTER, chart: 'runai-cluster', version: '2.8.20' });
      const bundle = site.bundle(MAIN, 'control-plane-only', (spec) => {
        spec.charts = spec.charts.filter(({ role }) => role === 'control-plane');
      });
      return { bundle, flags: DOMAIN };
    },
    undo: (site) => {
      site.uninstall(BACKEND);
      site.uninstall(CLUSTER);
    },
  },
  {
    title: '2.9 to an early 2.13 without its CRDs, from a release that helm left pending',
    rows: {
      'upgrade.crds-missing': /release 2\.13\.10 needs its CRDs applied by hand/,
      'upgrade.defect:logins-2.13': /logins fail after an upgrade from 2\.9 to 2\.13/,
      'release.runai-cluster': /revision 1 is pending-install/,
    },
    make: (site) => {
      site.install({ ...BACKEND, chart: 'runai-backend', version: '2.9.16' });
      leavePending(site, { ...CLUSTER, chart: 'runai-cluster', version: '2.9.16' });
      const bundle = site.bundle('2.13.10', 'without-crds', (spec) => {
        delete spec.crds;
      });
      return { bundle, flags: DOMAIN };
    },
    undo: (site) => {
      site.uninstall(BACKEND);
      clearPending(site, CLUSTER);
    },
  },
  {
    title: '2.12 with a very old cluster, to a release whose prerequisites no text names',
    rows: {
      'upgrade.source-2.12': /no text names 2\.12 as a source/,
      'upgrade.gpu-operator': /the GPU operator is the site’s own/,
      'upgrade.hand-made': /not put back: configmap runai\/tuned: data\.b, metadata\.labels\.team$/,
      'upgrade.leftovers': /the vendor’s text deletes them: service runai\/by-hand$/,
      'upgrade.window-unknown': /no text names the prerequisites of release 2\.15/,
    },
    make: (site) => {
      site.install({ ...BACKEND, chart: 'control-plane', version: '2.12.5' });
      const tuned = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'tuned' }, data: { a: '1' } };
      site.install({ ...CLUSTER, chart: 'runai-cluster', version: '2.3.4', objects: [tuned] });
      const byHand = JSON.stringify({ data: { b: '2' }, metadata: { labels: { team: 'x' } } });
      site.node.kubectl('-n', 'runai', 'patch', 'configmap', 'tuned', '--type=merge', '-p', byHand);
      site.node.kubectl('-n', 'runai', 'create', 'service', 'clusterip', 'by-hand', '--tcp=80');
      const bundle = site.bundle('2.15.4', 'no-window', (spec) => {
        delete spec.requires;
      });
      return { bundle, flags: DOMAIN };
    },
    undo: (site) => {
      site.node.kubectl('-n', 'runai', 'delete', 'service', 'by-hand', '--ignore-not-found');
      site.uninstall(BACKEND);
      site.uninstall(CLUSTER);
    },
  },
  {
    title: 'a way that no text describes, and no database to back up before it',
    rows: {
      'upgrade.path-composed': /no text goes from 2\.6 straight to 2\.12 or later/,
      backup: /the database pod runai-backend\/runai-backend-postgresql-0 does not run/,
    },
    make: (site) => {
      site.install({ ...BACKEND, chart: 'runai-backend', version: '2.6.4' });
      return { bundle: site.bundle(MAIN), flags: DOMAIN };
    },
    undo: (site) => site.uninstall(BACKEND),
  },
  {
    title: 'a site that is newer than the bundle',
    rows: {
      'upgrade.downgrade': /the control plane here is newer than the bundle’s/,
      'upgrade.path': /2\.20\.1 runs, which is newer than the bundle’s 2\.13\.66/,
    },
    make: (site) => {
      site.install({ ...BACKEND, chart: 'control-plane', version: '2.20.1' });
      return { bundle: site.bundle(MAIN), flags: DOMAIN };
    },
    undo: (site) => site.uninstall(BACKEND),
  },
  {
    title: 'a version of which nothing is known',
    rows: { 'upgrade.unknown-version': /nothing is known about version 3\.0\.0/ },
    make: (site) => {
      site.install({ ...BACKEND, chart: 'control-plane', version: '3.0.0' });
      return { bundle: site.bundle(MAIN), flags: DOMAIN };
    },
    undo: (site) => site.uninstall(BACKEND),
  },
  {
    title: 'a cluster part that would be newer than its control plane',
    rows: { 'upgrade.cluster-newer': /the cluster part would be newer than its control plane/ },
    make: (site) => {
      site.install({ ...BACKEND, chart: 'control-plane', version: '2.12.5' });
      const bundle = site.bundle(MAIN, 'cluster-only', (spec) => {
        spec.charts = spec.charts.filter(({ role }) => role === 'cluster');
      });
      return { bundle, flags: DOMAIN };
    },
    undo: (site) => site.uninstall(BACKEND),
  },
  ...OPENSHIFT_FAULTS,
  {
    title: 'charts with powers over the cluster',
    rows: { 'charts.powers': /ClusterRoleBinding\/helper makes helper cluster-admin/ },
    make: (site) => {
      const binding: Manifest = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        ...named('helper'),
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'ServiceAccount', name: 'helper', namespace: 'default' }],
      };
      site.file('helper/Chart.yaml', { apiVersion: 'v2', name: 'helper', version: '1.0.0' });
      site.file('helper/templates/binding.yaml', binding);
      const path = join(site.node.folder, 'helper');
      const bundle = site.bundle(MAIN, 'powerful', (spec) => {
        spec.charts.push({ role: 'prerequisite', release: 'helper', namespace: 'default', path });
      });
      return { bundle, flags: DOMAIN };
    },
    undo: () => {},
  },
  {
    title: 'a bundle of another product, older than what was accepted, and out of date',
    rows: {
      'bundle.product': /^otherware$/,
      'bundle.sequence': /the cluster saw sequence 218\d\d, this is 21366/,
      'bundle.age': /^\d{3,} days, from 2024-10-01$/,
    },
    make: async (site) => {
      // A run of a newer bundle that stops at its canary: what it accepted is remembered.
      const newer = site.bundle('2.18.5');
      await site.serve('--bundle', newer, '--listen', '10.99.0.2:5020');
      const address = ['--registry', '10.99.0.2:5020', '--plain-http', ...DOMAIN];
      const ran = await site.node.airgap('install', newer, ...address, '--yes');
      if (ran.status !== 7 || !/\[canary\]/.test(ran.err)) throw new Error(ran.err);
      await site.stopServing();
      const bundle = site.bundle(MAIN, 'other', (spec) => {
        spec['product'] = 'otherware';
      });
      return { bundle, flags: [...DOMAIN, '--max-age', '30'] };
    },
    undo: (site) => {
      rmSync(site.node.stateDir, { recursive: true, force: true });
      site.node.kubectl('delete', 'configmap', '-n', 'kube-system', 'airgap-run', '--ignore-not-found');
    },
  },
];

function newKey(): string {
  const args = ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const made = spawnSync('openssl', args, { encoding: 'utf8' });
  if (made.status !== 0) throw new Error(made.stderr);
  return made.stdout;
}
