import type { PathId } from '../runai/upgrade-path.js';

/** A row of preflight: what it asks, and the worst that it can answer. */
export interface RowFacts {
  readonly asks: string;
  /** `error`: there is no report without it, so it ends the command instead. */
  readonly worst: 'error' | 'fail' | 'warn' | 'not-checked';
  /** The command-line flag without which it is not asked. */
  readonly flag?: string;
}

const fail = (asks: string): RowFacts => ({ asks, worst: 'fail' });
const warn = (asks: string): RowFacts => ({ asks, worst: 'warn' });

type PathRows = { readonly [id in PathId as `upgrade.${id}`]: RowFacts };

const PATH_ROWS: PathRows = {
  'upgrade.unknown-version': fail('whether anything is known about the versions'),
  'upgrade.downgrade': fail('whether the bundle is older than what runs'),
  'upgrade.cluster-newer': fail('whether the cluster part would be newer than its control plane'),
  'upgrade.path-composed': warn('whether a text of the vendor’s names this way'),
  'upgrade.source-2.12': warn('whether a text of the vendor’s names 2.12 as a source'),
  'upgrade.gpu-operator': warn('whether the GPU operator becomes the site’s own'),
  'upgrade.window-unknown': fail('whether the release’s prerequisites are known'),
  'upgrade.claim-missing:*': fail('whether the claims that the upgrade goes on with are there'),
  'upgrade.crds-missing': fail('whether the bundle carries the CRDs that the release needs'),
  'upgrade.cluster-left': warn('whether the cluster part is left at an older version'),
  'upgrade.defect:*': warn('whether the vendor knows of a defect on this way'),
};

/** Every row that preflight may show. `*` stands for a release, a node or a name. */
const ALL = {
  site: { asks: 'whether there is a cluster to look at (--without-cluster)', worst: 'not-checked' },
  'bundle.product': fail('whether it is a bundle of this product'),
  'bundle.sequence': fail('whether the bundle is older than one that was accepted, or leaps ahead'),
  'bundle.age': fail('how old the bundle is; --max-age makes a limit'),
  'cluster.reached': { asks: 'which cluster this is', worst: 'error' },
  'cluster.version': fail('whether Kubernetes is in the release’s window'),
  'openshift.version': fail('whether OpenShift is in the release’s window'),
  'openshift.router': warn('whether the router has a certificate that is trusted'),
  'openshift.identity': warn('whether people can log in to OpenShift'),
  'openshift.nfd': warn('whether Node Feature Discovery runs'),
  'cluster.platforms': fail('whether the bundle has images for the nodes'),
  'cluster.rights': fail('whether everything that an install does is allowed'),
  'rights.plan': fail('whether every verb on every kind of this plan and these charts is allowed'),
  'helm.version': fail('whether helm is new enough for the release'),
  'registry.reached': { asks: 'whether the registry answers', worst: 'error' },
  'registry.content': fail('whether all images are there, with --skip-push'),
  'registry.writable': {
    asks: 'whether an upload can be begun in every repository; always asked by install',
    worst: 'fail',
    flag: '--probe-push',
  },
  'registry.space': fail('whether the registry has room for the images; airgap’s own tells it'),
  'registry.pull-secret': fail('whether pods can log in to the registry'),
  'registry.pull': {
    asks: 'whether every node pulls an image; install does it after the push',
    worst: 'fail',
    flag: '--canary',
  },
  'crds.compatible': fail('whether scope and names of definitions stay'),
  'crds.stored-versions': fail('whether definitions keep the versions that are stored'),
  'crds.dry-run': fail('whether the API server takes the definitions, and other managers give way'),
  'crds.objects': fail('whether existing objects fit the new definitions'),
  'release.*': fail('whether the release is free: pending, being uninstalled, unreadable, another’s'),
  'release.health.*': fail('whether what is to be upgraded is well'),
  'uninstall.*': fail(
    'whether uninstalling the old cluster part takes definitions, data or other people’s objects',
  ),
  'values.*': fail('whether the operator’s own settings have a place in the new chart'),
  'control-plane.domain': fail('whether a new control plane has a name'),
  'upgrade.leftovers': fail(
    'whether something would go with the old cluster that nothing says is the product’s',
  ),
  'upgrade.hand-made': warn(
    'whether people changed what is deleted and made anew, where no step puts it back',
  ),
  'upgrade.path': fail('whether the release can be reached from what runs'),
  'nodes.ready': fail('whether a node takes pods'),
  'nodes.size': warn('whether a node is as large as the release asks for'),
  'nodes.labels': warn('whether the nodes’ roles fit together'),
  'nodes.architecture': fail('whether there is an amd64 node for the control plane'),
  'clock.skew': fail('whether the clocks are within a minute'),
  'storage.class': fail('whether claims find their class, or a default one'),
  'storage.space': fail('whether there is room for the volumes'),
  'database.external': fail('whether a database of the site’s own is new enough and prepared'),
  'database.major': fail('whether the chart’s PostgreSQL opens the data directory that is there'),
  'ingress.controller': fail(
    'whether an ingress controller runs, for the class that the control plane’s new ingress has',
  ),
  'cluster.identity': fail('whether a cluster part of 2.15 or later is told who it is'),
  'domain.name': fail('whether the control plane’s name is a full one'),
  'domain.dns': fail('whether the name resolves, to the ingress'),
  'domain.dns-in-pod': { asks: 'whether the name resolves in pods', worst: 'fail', flag: '--canary' },
  'tls.backend': fail('whether the control plane’s certificate has dates, names, key and chain'),
  'tls.cluster': fail('whether the cluster’s certificate has dates, names, key and chain'),
  'ca.secret': fail('whether the private CA is there where the values ask for it'),
  prometheus: fail('whether a Prometheus operator runs'),
  'gpu.operator': warn('whether the GPU operator runs, in the release’s window'),
  'namespace.quota': fail('whether quotas leave room for the pods'),
  'namespace.pod-security': fail('whether pod security lets the pods in'),
  webhooks: fail('whether somebody answers behind every webhook that will be asked'),
  owners: fail('whether Argo CD, Flux or OLM would undo the changes'),
  'images.rendered': fail('whether every image that the charts would start is the bundle’s'),
  'charts.powers': warn('whether hooks delete, and who gets cluster-admin or reaches the nodes'),
  'release.size': fail('whether helm’s record fits into a Secret'),
  'charts.dry-run.*': fail('whether the API server takes every object of the charts'),
  'installer.disk': fail('whether this machine has room for the record and temporary files'),
  backup: fail('whether a backup can be made before the first step that risks data, or the named one serves'),
} as const satisfies Readonly<Record<string, RowFacts>>;

export const ROWS: Readonly<Record<RowName, RowFacts>> = { ...ALL, ...PATH_ROWS };

export type RowName = keyof typeof ALL | keyof PathRows;

/** A check that could not read anything has no name to add. */
type Filled<Name> = Name extends `${infer Head}.*`
  ? Head | `${Head}.${string}`
  : Name extends `${infer Head}*`
    ? `${Head}${string}`
    : Name;

/** Id of a finding: stable, for scripts and --acknowledge. */
export type FindingId = Filled<RowName>;

/** The row that an id belongs to. */
export function rowOf(id: string): RowName | undefined {
  if (Object.hasOwn(ROWS, id)) return id as RowName;
  const open = Object.keys(ROWS).filter(
    (name) => name.endsWith('*') && (id.startsWith(name.slice(0, -1)) || `${id}.*` === name),
  );
  return open.sort((a, b) => b.length - a.length)[0] as RowName | undefined;
}
