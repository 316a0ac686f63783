import { parseQuantity } from '../../kube/quantity.js';
import { groupOf } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';

/** Names of Kubernetes' own kinds mean nothing to the API server; those of other kinds may be all that a definition allows. */
const BUILT_IN: ReadonlySet<string> = new Set([
  '',
  'admissionregistration.k8s.io',
  'apps',
  'autoscaling',
  'batch',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
]);
/** Their name says what they are. */
const NAMED: ReadonlySet<string> = new Set(['Namespace', 'Node', 'CSIDriver']);
const SUFFIX = '-airgap-check';
/** The shortest limit that a kind has (CronJob). */
const LONGEST = 52;
const PATH = '/airgap-check';

/**
 * An object as it can be created while the one that it replaces is still there: under another name, and without what
 * only one of the two can hold. Undefined where the name itself is judged: then only a change of the old one can be
 * tried. Pure.
 */
export function aside(object: KubeObject): KubeObject | undefined {
  const { apiVersion = '', kind = '', metadata } = object;
  if (!BUILT_IN.has(groupOf(apiVersion)) || NAMED.has(kind)) return undefined;
  const stem = metadata.name.slice(0, LONGEST - SUFFIX.length).replace(/[-.:]+$/, '');
  const renamed = { ...object, metadata: { ...metadata, name: `${stem}${SUFFIX}` } };
  switch (kind) {
    case 'Service':
      return { ...renamed, spec: freePorts(object['spec']) };
    case 'Ingress':
      return { ...renamed, spec: freePaths(object['spec']) };
    case 'PriorityClass': {
      // A second default is refused.
      const { globalDefault: _globalDefault, ...rest } = renamed as KubeObject;
      return rest as KubeObject;
    }
    default:
      return renamed;
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** The old service still holds its addresses and node ports. */
function freePorts(spec: unknown): unknown {
  const { clusterIP, clusterIPs: _all, healthCheckNodePort: _health, ...rest } = (spec ?? {}) as Fields;
  const ports = Array.isArray(rest['ports']) ? (rest['ports'] as Fields[]) : undefined;
  return {
    ...rest,
    ...(clusterIP === 'None' ? { clusterIP } : {}),
    ...(ports === undefined ? {} : { ports: ports.map(({ nodePort: _nodePort, ...port }) => port) }),
  };
}

/** Ingress controllers refuse a path of a host that another ingress has; the host stays, for policies about names. */
function freePaths(spec: unknown): unknown {
  const { rules, ...rest } = (spec ?? {}) as Fields;
  if (!Array.isArray(rules)) return spec;
  const moved = (rules as Fields[]).map((rule) => {
    const http = rule['http'] as { readonly paths?: readonly Fields[] } | undefined;
    if (http?.paths === undefined) return rule;
    const paths = http.paths.map((one) => ({ ...one, path: `${PATH}${String(one['path'] ?? '')}` }));
    return { ...rule, http: { ...http, paths } };
  });
  return { ...rest, rules: moved };
}

const QUOTA = /exceeded quota: .*requested: (.*), used: (.*), limited: (.*)$/;
const COUNTED = /^(count\/.*|[a-z]+)$/;

/**
 * True when a quota refused an object only because the one that it replaces is still counted: that one frees as much
 * as this one takes. `exceeded quota: q, requested: services=1, used: services=10, limited: services=10`
 */
export function isReplacedInQuota(why: string, { from, to }: { from: KubeObject; to: KubeObject }): boolean {
  const [, requested = '', used = '', limited = ''] = QUOTA.exec(why) ?? [];
  const amounts = (text: string) =>
    new Map(text.split(',').map((pair) => pair.split('=') as [string, string | undefined]));
  const [uses, limits] = [amounts(used), amounts(limited)];
  const names = [...amounts(requested).keys()].filter((name) => name !== '');
  const type = ({ spec }: KubeObject): unknown => (spec as Fields | undefined)?.['type'] ?? 'ClusterIP';
  return (
    names.length > 0 &&
    names.every((name) => {
      const counted = name.startsWith('services.') ? type(from) === type(to) : COUNTED.test(name);
      const [has, most] = [parseQuantity(uses.get(name)), parseQuantity(limits.get(name))];
      return counted && has !== undefined && most !== undefined && has <= most;
    })
  );
}
