import type { KubeObject } from '../kube/types.js';
import { PUBLIC_MAP } from '../runai/names.js';
import { podTroubles } from './pod-troubles.js';
import { type MissingDependency, missingDependencies } from './public-map.js';
import { isMap, valueAt } from './values.js';

/** One thing that is not ready, and why as far as the cluster tells. */
export interface Trouble {
  /** `deployment/runai-backend-frontend`, `pvc/data-0` */
  readonly what: string;
  /** `1 of 2 replicas available` */
  readonly state: string;
  /** Reasons, most telling first: waiting reasons with the image, conditions, events. */
  readonly reasons: readonly string[];
  /** True when waiting will not heal it (a Job that failed). */
  readonly final: boolean;
}

/** Objects of one namespace. */
export interface NamespaceView {
  readonly deployments: readonly KubeObject[];
  readonly statefulSets: readonly KubeObject[];
  readonly daemonSets: readonly KubeObject[];
  readonly jobs: readonly KubeObject[];
  readonly pods: readonly KubeObject[];
  readonly claims: readonly KubeObject[];
  /** Warnings only. */
  readonly events: readonly KubeObject[];
  /** RunaiConfig objects. */
  readonly configs: readonly KubeObject[];
  /** runai-public, in the namespace of the cluster part. */
  readonly publicMap?: KubeObject;
}

export interface HealthReport {
  readonly namespace: string;
  readonly healthy: boolean;
  /** Workloads that were looked at. */
  readonly workloads: number;
  readonly troubles: readonly Trouble[];
}

const MOST_REASONS = 6;

/**
 * Judges a namespace by its workloads: what helm says about a release says nothing about its pods (threats 111).
 * Pods of no workload are not judged. Pure.
 */
export function judgeHealth(namespace: string, view: NamespaceView): HealthReport {
  const workloads: readonly (readonly [string, readonly KubeObject[], (object: KubeObject) => Verdict])[] = [
    ['deployment', view.deployments, judgeDeployment],
    ['statefulset', view.statefulSets, judgeStatefulSet],
    ['daemonset', view.daemonSets, judgeDaemonSet],
    ['job', view.jobs, judgeJob],
  ];
  const troubles: Trouble[] = [];
  for (const [kind, objects, judge] of workloads) {
    for (const object of objects) {
      const verdict = judge(object);
      if (verdict !== 'ready')
        troubles.push(explain(`${kind}/${object.metadata.name}`, object, { verdict, view }));
    }
  }
  troubles.push(
    ...view.claims.flatMap((claim) => judgeClaim(claim, view)),
    ...view.configs.flatMap(judgeConfig),
    ...missingDependencies(view.publicMap).map(lacks),
  );
  const count = workloads.reduce((sum, [, objects]) => sum + objects.length, 0);
  return { namespace, healthy: troubles.length === 0, workloads: count, troubles };
}

interface NotReady {
  readonly state: string;
  readonly final?: boolean;
}
type Verdict = 'ready' | NotReady;

function judgeDeployment(object: KubeObject): Verdict {
  const wanted = number(object, ['spec', 'replicas'], 1);
  const status = (key: string): number => number(object, ['status', key], 0);
  if (!observed(object)) return { state: 'the change was not taken up yet' };
  if (status('updatedReplicas') < wanted)
    return { state: `${status('updatedReplicas')} of ${wanted} replicas are of the new version` };
  if (status('replicas') > status('updatedReplicas'))
    return { state: `${status('replicas') - status('updatedReplicas')} old replicas are not gone` };
  if (status('availableReplicas') < wanted)
    return { state: `${status('availableReplicas')} of ${wanted} replicas available` };
  return 'ready';
}

function judgeStatefulSet(object: KubeObject): Verdict {
  const wanted = number(object, ['spec', 'replicas'], 1);
  const status = (key: string): number => number(object, ['status', key], 0);
  if (!observed(object)) return { state: 'the change was not taken up yet' };
  const rolling = valueAt(object, ['spec', 'updateStrategy', 'type']) !== 'OnDelete';
  const current = valueAt(object, ['status', 'currentRevision']);
  const update = valueAt(object, ['status', 'updateRevision']);
  if (rolling && wanted > 0 && current !== update && status('updatedReplicas') < wanted)
    return { state: `${status('updatedReplicas')} of ${wanted} replicas are of the new version` };
  if (status('readyReplicas') < wanted)
    return { state: `${status('readyReplicas')} of ${wanted} replicas ready` };
  return 'ready';
}

function judgeDaemonSet(object: KubeObject): Verdict {
  const status = (key: string): number => number(object, ['status', key], 0);
  if (!observed(object)) return { state: 'the change was not taken up yet' };
  const wanted = status('desiredNumberScheduled');
  const rolling = valueAt(object, ['spec', 'updateStrategy', 'type']) !== 'OnDelete';
  if (rolling && status('updatedNumberScheduled') < wanted)
    return { state: `${status('updatedNumberScheduled')} of ${wanted} nodes have the new version` };
  if (status('numberAvailable') < wanted)
    return { state: `${status('numberAvailable')} of ${wanted} nodes available` };
  return 'ready';
}

function judgeJob(object: KubeObject): Verdict {
  if (hasCondition(object, 'Failed')) return { state: 'failed', final: true };
  if (hasCondition(object, 'Complete') || valueAt(object, ['spec', 'suspend']) === true) return 'ready';
  return { state: 'has not completed' };
}

/** Claims that wait for their first pod are the pod's matter. */
function judgeClaim(claim: KubeObject, view: NamespaceView): Trouble[] {
  const phase = valueAt(claim, ['status', 'phase']);
  if (phase === 'Bound') return [];
  const { name } = claim.metadata;
  const usedBy = view.pods.some((pod) => claimsOf(pod).includes(name));
  if (!usedBy) return [];
  const state = phase === 'Lost' ? 'lost its volume' : 'is not bound to a volume';
  return [{ what: `pvc/${name}`, state, reasons: eventsOf(view, name), final: false }];
}

/** A RunaiConfig that says nothing yet is no trouble; one that says it is not available is. */
function judgeConfig(config: KubeObject): Trouble[] {
  const conditions = valueAt(config, ['status', 'conditions']);
  const available = (Array.isArray(conditions) ? conditions : []).find(
    (condition) => valueAt(condition, ['type']) === 'Available',
  );
  if (!available || valueAt(available, ['status']) === 'True') return [];
  const reasons = [valueAt(available, ['reason']), valueAt(available, ['message'])].filter(
    (text): text is string => typeof text === 'string' && text !== '',
  );
  return [{ what: `runaiconfig/${config.metadata.name}`, state: 'is not Available', reasons, final: false }];
}

function lacks({ name, reason }: MissingDependency): Trouble {
  const reasons = reason === undefined ? [] : [reason];
  return { what: `configmap/${PUBLIC_MAP.name}`, state: `lists ${name} as missing`, reasons, final: false };
}

function explain(
  what: string,
  object: KubeObject,
  { verdict, view }: { readonly verdict: NotReady; readonly view: NamespaceView },
): Trouble {
  const own = view.pods.filter((pod) => selects(object, pod));
  const ownNames = new Set(own.map((pod) => pod.metadata.name));
  const makers = view.events.filter((event) => isMakerOf(event, object, ownNames));
  const reasons = [
    ...own.flatMap((pod) => podTroubles(pod, eventsOf(view, pod.metadata.name))),
    ...conditionTexts(object),
    ...makers.map(eventText),
  ];
  const unique = [...new Set(reasons)].slice(0, MOST_REASONS);
  return { what, state: verdict.state, reasons: unique, final: verdict.final ?? false };
}

/** Events of the workload itself or of its ReplicaSets: pods that could not even be made (quota, webhooks). */
function isMakerOf(event: KubeObject, object: KubeObject, pods: ReadonlySet<string>): boolean {
  const name = valueAt(event, ['involvedObject', 'name']);
  if (typeof name !== 'string' || pods.has(name)) return false;
  if (valueAt(event, ['reason']) !== 'FailedCreate') return false;
  return name === object.metadata.name || name.startsWith(`${object.metadata.name}-`);
}

function conditionTexts(object: KubeObject): string[] {
  const conditions = valueAt(object, ['status', 'conditions']);
  if (!Array.isArray(conditions)) return [];
  return conditions.flatMap((condition) => {
    const type = valueAt(condition, ['type']);
    const bad = type === 'ReplicaFailure' || type === 'Failed';
    return bad && valueAt(condition, ['status']) === 'True'
      ? [String(valueAt(condition, ['message']) ?? type)]
      : [];
  });
}

function eventsOf(view: NamespaceView, name: string): string[] {
  return view.events.filter((event) => valueAt(event, ['involvedObject', 'name']) === name).map(eventText);
}

function eventText(event: KubeObject): string {
  return `${String(valueAt(event, ['reason']) ?? 'Warning')}: ${String(valueAt(event, ['message']) ?? '')}`;
}

function selects(workload: KubeObject, pod: KubeObject): boolean {
  const labels = valueAt(workload, ['spec', 'selector', 'matchLabels']);
  if (!isMap(labels)) return false;
  return Object.entries(labels).every(([key, value]) => pod.metadata.labels?.[key] === value);
}

function claimsOf(pod: KubeObject): string[] {
  const volumes = valueAt(pod, ['spec', 'volumes']);
  if (!Array.isArray(volumes)) return [];
  return volumes.flatMap((volume) => {
    const name = valueAt(volume, ['persistentVolumeClaim', 'claimName']);
    return typeof name === 'string' ? [name] : [];
  });
}

function observed(object: KubeObject): boolean {
  return number(object, ['status', 'observedGeneration'], 0) >= (object.metadata.generation ?? 0);
}

function hasCondition(object: KubeObject, type: string): boolean {
  const conditions = valueAt(object, ['status', 'conditions']);
  return (
    Array.isArray(conditions) &&
    conditions.some(
      (condition) => valueAt(condition, ['type']) === type && valueAt(condition, ['status']) === 'True',
    )
  );
}

function number(object: KubeObject, path: readonly string[], otherwise: number): number {
  const value = valueAt(object, path);
  return typeof value === 'number' ? value : otherwise;
}
