import type { KubeObject } from '../kube/types.js';
import { valueAt } from './values.js';

export interface CanaryPod {
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly node: string;
  /** Names of Secrets of the namespace; one that is not there does no harm. */
  readonly pullSecrets: readonly string[];
  readonly domain: string;
}

const ASK =
  'd=$1; if command -v getent >/dev/null; then getent hosts "$d" || exit 2; elif command -v nslookup >/dev/null; then nslookup "$d" || exit 2; elif command -v busybox >/dev/null; then busybox nslookup "$d" || exit 2; else exit 3; fi';
const PULL_FAULTS = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'RegistryUnavailable']);

/** A pod on one node that the strictest pod security lets in; ends by itself. */
export function canaryPod(of: CanaryPod): KubeObject {
  const field = { key: 'metadata.name', operator: 'In', values: [of.node] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: of.name,
      namespace: of.namespace,
      labels: { 'app.kubernetes.io/managed-by': 'airgap' },
    },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      activeDeadlineSeconds: 600,
      automountServiceAccountToken: false,
      tolerations: [{ operator: 'Exists' }],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [field] }] },
        },
      },
      ...(of.pullSecrets.length === 0 ? {} : { imagePullSecrets: of.pullSecrets.map((name) => ({ name })) }),
      securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'canary',
          image: of.image,
          imagePullPolicy: 'Always',
          command: ['sh', '-c', ASK, 'sh', of.domain],
          resources: { requests: { cpu: '1m', memory: '8Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}

/** Why the node cannot pull, in the node’s words; undefined when it can or has not said. */
export function pullFaultOf(pod: KubeObject | undefined): string | undefined {
  const waiting = valueAt(statusOf(pod), ['state', 'waiting']);
  const reason = String(valueAt(waiting, ['reason']) ?? '');
  if (!PULL_FAULTS.has(reason)) return undefined;
  return String(valueAt(waiting, ['message']) ?? reason);
}

/** Any state beyond the pull proves it. */
export function isPulled(pod: KubeObject | undefined): boolean {
  const waiting = valueAt(statusOf(pod), ['state', 'waiting', 'reason']);
  if (waiting !== undefined) return /^(Create|Run)Container/.test(String(waiting));
  return ['running', 'terminated'].some((state) => valueAt(statusOf(pod), ['state', state]) !== undefined);
}

/** True while the kubelet goes on trying what failed. */
export function isTriedAgain(pod: KubeObject | undefined): boolean {
  return valueAt(statusOf(pod), ['state', 'waiting', 'reason']) === 'ImagePullBackOff';
}

/** True when waiting longer tells no more. */
export function isOver(pod: KubeObject | undefined): boolean {
  const state = valueAt(statusOf(pod), ['state']);
  if (valueAt(state, ['terminated']) !== undefined) return true;
  const reason = String(valueAt(state, ['waiting', 'reason']) ?? '');
  return reason === 'InvalidImageName' || /^(Create|Run)ContainerError/.test(reason);
}

/** What the program in it ended with: 0 the name resolves, 2 it does not; anything else says nothing. */
export function exitOf(pod: KubeObject | undefined): {
  readonly code: number | undefined;
  readonly reason: string;
} {
  const ended = valueAt(statusOf(pod), ['state', 'terminated']);
  const code = valueAt(ended, ['exitCode']);
  return {
    code: typeof code === 'number' ? code : undefined,
    reason: String(valueAt(ended, ['reason']) ?? ''),
  };
}

/** Why no node took it, as the scheduler says. */
export function unplacedReason(pod: KubeObject | undefined): string | undefined {
  const conditions = valueAt(pod, ['status', 'conditions']);
  return (Array.isArray(conditions) ? conditions : [])
    .map((one) => valueAt(one, ['message']))
    .find((text): text is string => typeof text === 'string' && text !== '');
}

function statusOf(pod: KubeObject | undefined): unknown {
  return valueAt(pod, ['status', 'containerStatuses', 0]);
}
