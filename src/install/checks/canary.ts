import type { BundleImage } from '../../bundle/manifest.js';
import type { Payload } from '../../bundle/payload.js';
import { isAirgapError } from '../../errors.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import { walkImage } from '../../oci/walk.js';
import type { Finding } from '../findings.js';
import { parseTarget } from '../push.js';
import { PULL_SECRET } from '../release-values.js';
import { valueAt } from '../values.js';
import { readDomain } from './dns.js';
import type { Check, CheckContext } from './types.js';

const WAIT_MS = 60_000;
const PULL_FAULTS = new Set(['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'RegistryUnavailable']);

/** What became of the pod. */
export interface CanaryFacts {
  readonly arch: string;
  readonly image: string;
  /** The API server did not take the pod. */
  readonly refused?: string;
  readonly pod?: KubeObject;
  /** The name that the pod asked DNS for. */
  readonly domain?: string;
}

/**
 * Lets a node of each architecture pull one image of the bundle, and ask for the domain from within (threats 108).
 * The only check that writes: a pod of a name of its own, always taken away again.
 */
export function canaryCheck(random: (size: number) => Buffer): Check {
  return {
    row: { id: 'registry.pull', title: 'pull from a node' },
    applies: ({ site, bundle }) =>
      (site.registry !== undefined || bundle.upstream !== undefined) && bundle.manifest.charts.length > 0,
    run: async (context) => runCanaries(context, random),
  };
}

/** Judges what was seen of a pod. */
export function judgeCanary(facts: CanaryFacts): Finding[] {
  const { arch, image, refused, pod, domain } = facts;
  const row = { id: `registry.pull.${arch}`, title: `pull from a node (${arch})` };
  if (refused !== undefined) {
    const advice = 'mend what keeps pods away: quota, pod security, webhook';
    return [{ ...row, outcome: 'fail', seen: `the pod was refused: ${refused}`, advice }];
  }
  const status = valueAt(pod, ['status', 'containerStatuses', 0]);
  const reason = String(valueAt(status, ['state', 'waiting', 'reason']) ?? '');
  const node = String(valueAt(pod, ['spec', 'nodeName']) ?? '');
  if (PULL_FAULTS.has(reason)) {
    const said = String(valueAt(status, ['state', 'waiting', 'message']) ?? reason);
    const advice = `let ${node} reach and trust the registry (CA, plain HTTP, pull secret), then run the same command again`;
    return [{ ...row, outcome: 'fail', seen: `${node} cannot pull ${image}: ${said}`, advice }];
  }
  if (!isPulled(pod)) {
    const conditions = valueAt(pod, ['status', 'conditions']);
    const why = (Array.isArray(conditions) ? conditions : [])
      .map((one) => valueAt(one, ['message']))
      .find((text) => typeof text === 'string' && text !== '');
    const seen = `no node pulled ${image} within ${WAIT_MS / 1000} s${why === undefined ? '' : `: ${String(why)}`}`;
    const outcome = node === '' ? 'fail' : 'warn';
    return [{ ...row, outcome, seen, advice: 'look at nodes and registry; a slow one needs more time' }];
  }
  const pulled: Finding = { ...row, outcome: 'pass', seen: `${node} pulled ${image}` };
  return domain === undefined ? [pulled] : [pulled, judgeInside(domain, status)];
}

function judgeInside(domain: string, status: unknown): Finding {
  const row = { id: 'domain.dns-in-pod', title: 'DNS in a pod' };
  const code = valueAt(status, ['state', 'terminated', 'exitCode']);
  const reason = String(valueAt(status, ['state', 'terminated', 'reason']) ?? '');
  if (code === 0) return { ...row, outcome: 'pass', seen: `${domain} resolves` };
  if (code === 2) {
    const advice = `add an A record for ${domain} to the DNS that the cluster asks`;
    return { ...row, outcome: 'fail', seen: `${domain} does not resolve in a pod`, advice };
  }
  return {
    ...row,
    outcome: 'not-checked',
    seen: `the image has no program to ask with (${reason || 'no answer'})`,
  };
}

async function runCanaries(context: CheckContext, random: (size: number) => Buffer): Promise<Finding[]> {
  const nodes = await context.nodes();
  const arches = [
    ...new Set(nodes.map(({ metadata }) => metadata.labels?.['kubernetes.io/arch'] ?? 'amd64')),
  ];
  const row = { id: 'registry.pull', title: 'pull from a node' };
  const namespace = context.bundle.manifest.charts
    .map((chart) => chart.namespace)
    .find((name) => context.site.product.namespaces.includes(name));
  if (namespace === undefined)
    return [{ ...row, outcome: 'not-checked', seen: 'no namespace of the releases is there yet' }];
  const findings: Finding[] = [];
  for (const arch of arches) {
    const smallest = await smallestImage(context, arch);
    if (smallest === undefined) {
      const seen = `no image for ${arch} is there to pull yet`;
      findings.push({ ...row, id: `${row.id}.${arch}`, outcome: 'not-checked', seen });
      continue;
    }
    const { registry } = context.site;
    const image = registry ? `${registry.address.text}/${smallest.target}` : smallest.source;
    const name = `airgap-canary-${random(5).toString('hex')}`;
    findings.push(...judgeCanary(await flyCanary(context, { arch, image, name, namespace })));
  }
  return findings;
}

async function flyCanary(
  context: CheckContext,
  {
    arch,
    image,
    name,
    namespace,
  }: { readonly arch: string; readonly image: string; readonly name: string; readonly namespace: string },
): Promise<CanaryFacts> {
  const { client, signal, site } = context;
  const domain = await readDomain(context);
  const base = { arch, image, ...(domain === undefined ? {} : { domain }) };
  let uid: string | undefined;
  try {
    const pod = canaryPod({
      name,
      namespace,
      image,
      arch,
      login: site.registry?.needsLogin === true,
      domain: domain ?? 'localhost',
    });
    const made = await client.create(pod, { signal });
    if (made !== 'exists') uid = made.metadata.uid;
    let last: KubeObject | undefined;
    await waitFor(
      async () => {
        last = await client.get(RESOURCES.pods, { name, namespace }, { signal });
        return isOver(last) ? true : undefined;
      },
      { timeout: WAIT_MS, every: 500, signal },
    );
    return { ...base, ...(last === undefined ? {} : { pod: last }) };
  } catch (error) {
    if (isAirgapError(error, 'CLUSTER_REFUSED') || isAirgapError(error, 'CLUSTER_DENIED'))
      return { ...base, refused: error.found ?? error.message };
    throw error;
  } finally {
    // Also after an interrupt: a signal of its own.
    if (uid !== undefined)
      await client.delete(RESOURCES.pods, { name, namespace }, { uid, signal: AbortSignal.timeout(15_000) });
  }
}

/** Takes what the strictest pod security allows; ends by itself. */
export function canaryPod(of: {
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly arch: string;
  readonly login: boolean;
  readonly domain: string;
}): KubeObject {
  const ask =
    'd=$1; if command -v getent >/dev/null; then getent hosts "$d" || exit 2; elif command -v nslookup >/dev/null; then nslookup "$d" || exit 2; elif command -v busybox >/dev/null; then busybox nslookup "$d" || exit 2; else exit 3; fi';
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
      activeDeadlineSeconds: 120,
      automountServiceAccountToken: false,
      nodeSelector: { 'kubernetes.io/arch': of.arch },
      ...(of.login ? { imagePullSecrets: [{ name: PULL_SECRET }] } : {}),
      securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'canary',
          image: of.image,
          imagePullPolicy: 'Always',
          command: ['sh', '-c', ask, 'sh', of.domain],
          resources: { requests: { cpu: '1m', memory: '8Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}

/** Of those that can be pulled already, the one with the fewest bytes for this architecture. */
async function smallestImage(
  { bundle, site, signal }: CheckContext,
  arch: string,
): Promise<BundleImage | undefined> {
  const state = site.registry?.state;
  const absent = new Set([
    ...(state?.missing ?? []),
    ...(state?.different ?? []).map(({ target }) => target),
  ]);
  const there = bundle.manifest.images.filter(
    ({ target, platforms }) =>
      !absent.has(target) && platforms.some((platform) => platform.startsWith(`linux/${arch}`)),
  );
  const sized = await Promise.all(
    there.slice(0, 64).map(async (image) => ({ image, size: await sizeOf(bundle, image, signal) })),
  );
  return sized.sort((a, b) => a.size - b.size)[0]?.image;
}

async function sizeOf(
  bundle: Payload,
  { target, descriptor }: BundleImage,
  signal: AbortSignal,
): Promise<number> {
  const tree = await walkImage(bundle.images, parseTarget(target).repository, descriptor.digest, { signal });
  return tree.manifests
    .flatMap(({ parsed }) => (parsed.kind === 'image' ? parsed.layers : []))
    .reduce((sum, layer) => sum + layer.size, 0);
}

/** Any state beyond the pull proves it. */
function isPulled(pod: KubeObject | undefined): boolean {
  const status = valueAt(pod, ['status', 'containerStatuses', 0]);
  const waiting = valueAt(status, ['state', 'waiting', 'reason']);
  if (waiting !== undefined) return /^(Create|Run)Container/.test(String(waiting));
  return (
    valueAt(status, ['state', 'running']) !== undefined ||
    valueAt(status, ['state', 'terminated']) !== undefined
  );
}

function isOver(pod: KubeObject | undefined): boolean {
  const state = valueAt(pod, ['status', 'containerStatuses', 0, 'state']);
  if (valueAt(state, ['terminated']) !== undefined) return true;
  const reason = String(valueAt(state, ['waiting', 'reason']) ?? '');
  return (
    reason === 'ImagePullBackOff' ||
    reason === 'InvalidImageName' ||
    /^(Create|Run)ContainerError/.test(reason)
  );
}
