import { parseQuantity } from '../kube/quantity.js';
import type { KubeObject } from '../kube/types.js';
import { TOOLS } from './steps/ingress-patches.js';
import { isMap } from './values.js';

type Json = Readonly<Record<string, unknown>>;

/** Labels and annotations of tools and controllers beside those that no step puts back. */
const MORE_TOOLS =
  /^(app\.kubernetes\.io\/managed-by$|kubernetes\.io\/metadata\.name$|kubectl\.kubernetes\.io\/|deployment\.kubernetes\.io\/|deprecated\.daemonset\.|openshift\.io\/)/;

const MARKS = /(^|\.)metadata\.(labels|annotations)$/;

/** Fields that the API server or a controller fills in with what is not known beforehand. */
const FILLED = new Set([
  ...[
    'clusterIP',
    'clusterIPs',
    'ipFamilies',
    'ipFamilyPolicy',
    'nodePort',
    'targetPort',
    'healthCheckNodePort',
  ],
  ...['creationTimestamp', 'status', 'apiVersion', 'kind', 'strategy', 'updateStrategy', 'serviceAccount'],
  ...['persistentVolumeClaimRetentionPolicy', 'imagePullPolicy', 'selector', 'pathType', 'volumeMode'],
  ...[
    'volumeName',
    'storageClassName',
    'apiGroup',
    'manualSelector',
    'templateGeneration',
    'finalizers',
    'caBundle',
  ],
]);

/** Fields that the API server fills in with a value that is: another one is somebody's. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  internalTrafficPolicy: 'Cluster',
  externalTrafficPolicy: 'Cluster',
  sessionAffinity: 'None',
  type: 'ClusterIP',
  protocol: 'TCP',
  allocateLoadBalancerNodePorts: true,
  progressDeadlineSeconds: 600,
  revisionHistoryLimit: 10,
  podManagementPolicy: 'OrderedReady',
  replicas: 1,
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  schedulerName: 'default-scheduler',
  terminationGracePeriodSeconds: 30,
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  successThreshold: 1,
  failureThreshold: 3,
  periodSeconds: 10,
  scheme: 'HTTP',
  defaultMode: 420,
  wildcardPolicy: 'None',
  weight: 100,
  backoffLimit: 6,
  parallelism: 1,
  completions: 1,
  completionMode: 'NonIndexed',
  concurrencyPolicy: 'Allow',
  failedJobsHistoryLimit: 1,
  successfulJobsHistoryLimit: 3,
  preemptionPolicy: 'PreemptLowerPriority',
  matchPolicy: 'Equivalent',
  failurePolicy: 'Fail',
  reinvocationPolicy: 'Never',
  scope: '*',
};

/** What tells the items of a list apart, the first that all of them have. */
const KEYS = ['name', 'mountPath', 'containerPort', 'port', 'key', 'host', 'secretName'];

/**
 * The fields of a live object that are not what Helm had rendered, without what servers and tools set. Names only:
 * no value is in the answer. Pure.
 */
export function handMade(rendered: KubeObject, live: KubeObject): string[] {
  return differences(comparable(rendered), comparable(live), '');
}

function comparable(object: KubeObject): Json {
  const { apiVersion: _version, kind = '', status: _status, metadata, ...rest } = object;
  const { labels = {}, annotations = {} } = metadata;
  return { metadata: { labels, annotations }, ...(BODIES[kind]?.(rest) ?? rest) };
}

const BODIES: Readonly<Record<string, (body: Json) => Json>> = {
  Secret: secretOf,
  ServiceAccount: accountOf,
};

function differences(before: unknown, now: unknown, path: string): string[] {
  if (isEmpty(before) && isEmpty(now)) return [];
  if (MARKS.test(path)) return inMaps((before ?? {}) as Json, (now ?? {}) as Json, path);
  if (isEmpty(before) && isMap(now)) return inMaps({}, now, path);
  if (isMap(before) && isMap(now)) return inMaps(before, now, path);
  if (Array.isArray(before) && Array.isArray(now)) return inLists(before, now, path);
  return isSame(before, now) ? [] : [path];
}

function inMaps(before: Json, now: Json, path: string): string[] {
  const isMarks = MARKS.test(path);
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names.flatMap((name) => {
    if (isMarks && (TOOLS.test(name) || MORE_TOOLS.test(name))) return [];
    const isFilled = !Object.hasOwn(before, name) || isEmpty(before[name]);
    if (isFilled && !isMarks && (FILLED.has(name) || DEFAULTS[name] === now[name])) return [];
    if (isFilled && path.endsWith('.clientConfig.service') && now[name] === 443) return [];
    return differences(before[name], now[name], path === '' ? name : `${path}.${name}`);
  });
}

function inLists(before: readonly unknown[], now: readonly unknown[], path: string): string[] {
  const all = [...before, ...now];
  const key = all.every(isMap)
    ? KEYS.find((name) => all.every((item) => Object.hasOwn(item, name)))
    : undefined;
  if (key === undefined) {
    if (before.length !== now.length) return [path];
    return before.flatMap((item, index) => differences(item, now[index], `${path}[${index}]`));
  }
  const byKey = (list: readonly unknown[]) =>
    new Map((list as Json[]).map((item) => [String(item[key]), item]));
  const [old, live] = [byKey(before), byKey(now)];
  return [...new Set([...old.keys(), ...live.keys()])].flatMap((name) => {
    const at = `${path}[${name}]`;
    return old.has(name) && live.has(name) ? differences(old.get(name), live.get(name), at) : [at];
  });
}

/** Quantities and numbers are written anew by the server. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b || String(a) === String(b)) return true;
  const [left, right] = [parseQuantity(a), parseQuantity(b)];
  return left !== undefined && left === right;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function secretOf({ stringData, data, type: _type, ...rest }: Json): Json {
  const plain = Object.entries((stringData ?? {}) as Record<string, unknown>).map(
    ([name, text]) => [name, Buffer.from(String(text)).toString('base64')] as const,
  );
  return { ...rest, data: { ...(data as Json | undefined), ...Object.fromEntries(plain) } };
}

/** Without what the token controller, and OpenShift, attach to every account. */
function accountOf({ secrets: _secrets, imagePullSecrets, ...rest }: Json): Json {
  const attached = (imagePullSecrets ?? []) as readonly { readonly name?: string }[];
  return { ...rest, imagePullSecrets: attached.filter(({ name = '' }) => !name.includes('-dockercfg-')) };
}
