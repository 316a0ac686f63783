/** An object as kubectl prints it. */
export interface Dumped {
  readonly kind: string;
  readonly metadata: Record<string, unknown> & { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** Kinds by which two end states are compared. */
export const KINDS = [
  'deployments',
  'statefulsets',
  'daemonsets',
  'services',
  'ingresses',
  'configmaps',
  'secrets',
  'serviceaccounts',
  'persistentvolumeclaims',
  'roles',
  'rolebindings',
  'clusterroles',
  'clusterrolebindings',
  'ingressclasses',
  'validatingwebhookconfigurations',
  'priorityclasses',
  'runaiconfigs',
  'customresourcedefinitions',
  'namespaces',
] as const;

const SERVER_SET = ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields', 'selfLink'];
const NODE_MADE = /^(system:|kube|node|haproxy|cluster-admin|admin$|edit$|view$)/;

/** What an upgrade left, without what only the server or the moment sets. */
export function comparable(items: readonly Dumped[]): Record<string, unknown> {
  const pairs = items.filter(isCompared).map((item) => {
    const { status: _status, metadata, ...rest } = item;
    const kept = Object.fromEntries(Object.entries(metadata).filter(([name]) => !SERVER_SET.includes(name)));
    const where = metadata.namespace === undefined ? '' : `${metadata.namespace}/`;
    return [`${item.kind} ${where}${metadata.name}`, plain({ ...rest, metadata: kept }, item)] as const;
  });
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isCompared({ kind, metadata, ...item }: Dumped): boolean {
  const { name, namespace } = metadata;
  if (name.startsWith('airgap-') || String(item['type']).startsWith('helm.sh/')) return false;
  if (namespace === undefined) return kind === 'CustomResourceDefinition' || !NODE_MADE.test(name);
  return namespace === 'runai' || namespace === 'runai-backend' || name.startsWith('runai');
}

/** Addresses and bindings that differ between two clusters of the same state. */
function plain(item: Record<string, unknown>, { kind, metadata }: Dumped): unknown {
  const { spec } = item as { spec?: Record<string, unknown> };
  if (spec === undefined) return item;
  const { clusterIP: _ip, clusterIPs: _ips, ...others } = spec;
  const fresh = kind === 'PersistentVolumeClaim' && metadata.name.startsWith('data-');
  const { volumeName, ...unbound } = others as { volumeName?: string };
  const kept = fresh ? unbound : volumeName === undefined ? unbound : { ...unbound, volumeName };
  if (!fresh) return { ...item, spec: kept };
  const { annotations: _annotations, ...meta } = item['metadata'] as Record<string, unknown>;
  return { ...item, metadata: meta, spec: kept };
}
