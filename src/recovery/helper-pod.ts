import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { ExecTarget, KubeClient, KubeObject } from '../kube/types.js';
import { waitFor } from '../kube/wait.js';
import { listAt, textAt } from './value-at.js';

export interface HelperRequest {
  readonly client: Pick<KubeClient, 'create' | 'get' | 'delete'>;
  readonly namespace: string;
  /** Begins the pod's name. */
  readonly purpose: string;
  readonly image: string;
  readonly pullSecrets?: readonly string[];
  /** Claim that is mounted at /volume; none for a pod without. */
  readonly claim?: { readonly name: string; readonly readOnly: boolean };
  /** Bytes of the node's disk, empty at first, that are mounted at /scratch. */
  readonly scratch?: number;
  /** Where the volume is in use already: one that only one node may mount is then still reachable. */
  readonly node?: string;
  /** User id of its program; 0 for volumes, whose files belong to many. */
  readonly user: number;
  readonly random: (size: number) => Buffer;
  readonly signal: AbortSignal;
}

/** A pod of ours that sleeps until it is removed. */
export interface HelperPod {
  readonly target: Omit<ExecTarget, 'command'>;
  remove(): Promise<void>;
}

const CONTAINER = 'airgap';
const LABELS = { 'app.kubernetes.io/managed-by': 'airgap', 'airgap/helper': 'true' };
/** A pod that its run could not remove ends by itself. */
const LIFE_SECONDS = 24 * 3600;
const READY_MS = 180_000;

/**
 * Starts a pod that holds a volume or nothing, and waits until it runs.
 * @throws AirgapError BACKUP_FAILED with what keeps it from running
 */
export async function startHelper(request: HelperRequest): Promise<HelperPod> {
  const { client, namespace, purpose, random, signal } = request;
  const name = `airgap-${purpose}-${random(4).toString('hex')}`;
  const made = await client.create(podOf(name, request), { signal });
  const uid = made === 'exists' ? undefined : made.metadata.uid;
  const remove = async (): Promise<void> => {
    const path = { name, namespace };
    await client.delete(RESOURCES.pods, path, uid === undefined ? {} : { uid });
    await waitFor(
      async () => ((await client.get(RESOURCES.pods, path))?.metadata.uid === uid ? undefined : true),
      {
        timeout: 60_000,
        every: 300,
      },
    );
  };
  try {
    await waitRunning(name, request);
  } catch (error) {
    await remove().catch(() => {});
    throw error;
  }
  return { target: { namespace, pod: name, container: CONTAINER }, remove };
}

/** Runs work with a helper pod, which is removed afterwards whatever happens. */
export async function withHelper<T>(
  request: HelperRequest,
  work: (pod: HelperPod) => Promise<T>,
): Promise<T> {
  const pod = await startHelper(request);
  try {
    return await work(pod);
  } finally {
    await pod.remove().catch(() => {});
  }
}

async function waitRunning(name: string, { client, namespace, signal, image }: HelperRequest): Promise<void> {
  let last: KubeObject | undefined;
  const running = await waitFor(
    async () => {
      last = await client.get(RESOURCES.pods, { name, namespace }, { signal });
      const phase = textAt(last, ['status', 'phase']);
      return phase === 'Running' || phase === 'Failed' || phase === 'Succeeded' ? phase : undefined;
    },
    { timeout: READY_MS, every: 300, signal },
  );
  if (running === 'Running') return;
  const states = listAt(last, ['status', 'containerStatuses']).map((each) =>
    [textAt(each, ['state', 'waiting', 'reason']), textAt(each, ['state', 'waiting', 'message'])].join(' '),
  );
  const conditions = listAt(last, ['status', 'conditions']).flatMap(
    (each) => textAt(each, ['message']) ?? [],
  );
  throw new AirgapError('BACKUP_FAILED', `the helper pod ${namespace}/${name} does not run`, {
    expected: `a running pod of image ${image}`,
    found: [running ?? 'Pending', ...states, ...conditions].join('; ').slice(0, 1000),
  });
}

function podOf(name: string, request: HelperRequest): KubeObject {
  const { namespace, image, claim, node, user, scratch, pullSecrets = [] } = request;
  const volumes = [
    ...(claim
      ? [{ name: 'volume', persistentVolumeClaim: { claimName: claim.name, readOnly: claim.readOnly } }]
      : []),
    ...(scratch === undefined ? [] : [{ name: 'scratch', emptyDir: { sizeLimit: String(scratch) } }]),
  ];
  const mounts = [
    ...(claim ? [{ name: 'volume', mountPath: '/volume', readOnly: claim.readOnly }] : []),
    ...(scratch === undefined ? [] : [{ name: 'scratch', mountPath: '/scratch' }]),
  ];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels: LABELS },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: LIFE_SECONDS,
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      ...(node === undefined ? {} : { nodeName: node }),
      tolerations: [{ operator: 'Exists' }],
      imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })),
      containers: [
        {
          name: CONTAINER,
          image,
          imagePullPolicy: 'IfNotPresent',
          command: ['/bin/sh', '-c', `trap 'exit 0' TERM; sleep ${LIFE_SECONDS} & wait`],
          securityContext: { runAsUser: user, runAsNonRoot: user !== 0, allowPrivilegeEscalation: false },
          // The scheduler then looks for a node with that much room.
          ...(scratch === undefined
            ? {}
            : { resources: { requests: { 'ephemeral-storage': String(scratch) } } }),
          volumeMounts: mounts,
        },
      ],
      volumes,
    },
  };
}
