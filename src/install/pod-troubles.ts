import type { KubeObject } from '../kube/types.js';
import { valueAt } from './values.js';

/** Waiting reasons that are part of every start. */
const NORMAL = new Set(['ContainerCreating', 'PodInitializing']);
const EVENTS_THAT_TELL =
  /^(Failed|FailedMount|FailedAttachVolume|FailedCreatePodSandBox|Unhealthy|BackOff|Evicted|NodeNotReady)/;

/** Why a pod is not ready, most telling first. Empty for a ready one. */
export function podTroubles(pod: KubeObject, events: readonly string[]): string[] {
  const { name } = pod.metadata;
  const phase = valueAt(pod, ['status', 'phase']);
  if (phase === 'Succeeded' || isReady(pod)) return [];
  const found: string[] = [];
  if (phase === 'Failed')
    found.push(`pod ${name} failed: ${text(pod, ['status', 'reason'], 'no reason given')}`);
  const unscheduled = conditionOf(pod, 'PodScheduled');
  if (unscheduled && valueAt(unscheduled, ['status']) === 'False')
    found.push(`pod ${name} cannot be scheduled: ${text(unscheduled, ['message'], 'no reason given')}`);
  for (const status of [...statusesOf(pod, 'initContainerStatuses'), ...statusesOf(pod, 'containerStatuses')])
    found.push(...containerTroubles(name, status));
  if (found.length === 0) found.push(...events.filter((event) => EVENTS_THAT_TELL.test(event)));
  if (found.length === 0) found.push(`pod ${name} is ${String(phase ?? 'of no known phase')}, not ready`);
  return found;
}

function containerTroubles(pod: string, status: unknown): string[] {
  const where = `pod ${pod}, container ${text(status, ['name'], '?')}`;
  const reason = valueAt(status, ['state', 'waiting', 'reason']);
  if (typeof reason === 'string' && !NORMAL.has(reason)) {
    const message = text(status, ['state', 'waiting', 'message'], '');
    if (/Image/.test(reason)) {
      return [`${where}: image ${text(status, ['image'], '?')} cannot be pulled (${reason}: ${message})`];
    }
    const last = lastEnd(status);
    return [`${where}: ${reason}${last ? `, ${last}` : ''}${message && !last ? `: ${message}` : ''}`];
  }
  const terminated = valueAt(status, ['state', 'terminated', 'exitCode']);
  if (typeof terminated === 'number' && terminated !== 0) return [`${where}: ended with exit ${terminated}`];
  if (valueAt(status, ['state', 'running']) !== undefined && valueAt(status, ['ready']) === false) {
    const restarts = Number(valueAt(status, ['restartCount']) ?? 0);
    const again = restarts > 0 ? `, restarted ${restarts} times` : '';
    return [`${where}: runs and is not ready${again}`];
  }
  return [];
}

function lastEnd(status: unknown): string | undefined {
  const code = valueAt(status, ['lastState', 'terminated', 'exitCode']);
  if (typeof code !== 'number') return undefined;
  const reason = text(status, ['lastState', 'terminated', 'reason'], '');
  const said = text(status, ['lastState', 'terminated', 'message'], '');
  return `last ended with exit ${code}${reason ? ` (${reason})` : ''}${said ? `: ${said}` : ''}`;
}

function isReady(pod: KubeObject): boolean {
  return valueAt(conditionOf(pod, 'Ready'), ['status']) === 'True';
}

function conditionOf(pod: KubeObject, type: string): unknown {
  const conditions = valueAt(pod, ['status', 'conditions']);
  if (!Array.isArray(conditions)) return undefined;
  return conditions.find((condition) => valueAt(condition, ['type']) === type);
}

function statusesOf(pod: KubeObject, key: string): readonly unknown[] {
  const statuses = valueAt(pod, ['status', key]);
  return Array.isArray(statuses) ? statuses : [];
}

function text(node: unknown, path: readonly string[], otherwise: string): string {
  const value = valueAt(node, path);
  return typeof value === 'string' && value !== '' ? value : otherwise;
}
