import { listPullSecrets } from '../../kube/pull-secrets.js';
import { type CanaryFacts, flyCanaries, smallestImages } from '../canary.js';
import { exitOf, isPulled, pullFaultOf, unplacedReason } from '../canary-pod.js';
import { withCanarySecret } from '../canary-secret.js';
import type { Finding } from '../findings.js';
import { readDomain } from './dns.js';
import type { Check, CheckContext, Row } from './types.js';

const PULL: Row = { id: 'registry.pull', title: 'pull from the nodes' };
const DNS: Row = { id: 'domain.dns-in-pod', title: 'DNS in a pod' };
const WAIT_MS = 60_000;
const SHOWN = 4;

/** The only check that writes: a pod for each node that takes pods, always taken away again. */
export function canaryCheck(random: (size: number) => Buffer): Check {
  return {
    row: PULL,
    applies: ({ site, bundle }) =>
      (site.registry !== undefined || bundle.upstream !== undefined) && bundle.manifest.charts.length > 0,
    run: async (context) => runCanaries(context, `airgap-canary-${random(5).toString('hex')}`),
  };
}

async function runCanaries(context: CheckContext, token: string): Promise<Finding[]> {
  const { bundle, site, client, signal, registry } = context;
  const namespace = bundle.manifest.charts
    .map((chart) => chart.namespace)
    .find((name) => site.product.namespaces.includes(name));
  if (namespace === undefined)
    return [{ ...PULL, outcome: 'not-checked', seen: 'no namespace of the releases is there yet' }];
  const { state, address, needsLogin = false } = site.registry ?? {};
  const absent = new Set([
    ...(state?.missing ?? []),
    ...(state?.different ?? []).map(({ target }) => target),
  ]);
  const from = address === undefined ? {} : { registry: address.text };
  const images = await smallestImages(bundle, { ...from, absent, signal });
  if (images.size === 0)
    return [{ ...PULL, outcome: 'not-checked', seen: 'no image is there to pull yet: airgap push' }];
  const domain = await readDomain(context);
  const nodes = await context.nodes();
  const login = { client, namespace, token, host: address?.host ?? '', needsLogin, signal };
  const fly = (pullSecrets: readonly string[]) =>
    flyCanaries({
      client,
      nodes,
      namespace,
      images,
      token,
      timeout: WAIT_MS,
      signal,
      pullSecrets,
      ...(domain === undefined ? {} : { domain }),
    });
  const facts =
    address === undefined
      ? await fly(await listPullSecrets(client, namespace, signal))
      : await withCanarySecret({ ...login, credentials: registry?.credentials }, fly);
  return judgeCanaries(facts, domain);
}

/** What the pods say about pulling, and about the domain where its name is known. */
export function judgeCanaries(facts: readonly CanaryFacts[], domain: string | undefined): Finding[] {
  const pulled = facts.filter(({ pod }) => isPulled(pod));
  const pull = judgePull(facts, pulled.length);
  if (domain === undefined || pulled.length === 0) return [pull];
  return [pull, judgeInside(pulled, domain)];
}

function judgePull(facts: readonly CanaryFacts[], pulled: number): Finding {
  const images = [...new Set(facts.flatMap(({ image }) => image ?? []))].join(', ');
  const bad = facts.flatMap(faultOf);
  const slow = facts.flatMap(slowness);
  const seen = `${pulled} of ${facts.length} nodes pulled ${images}`;
  if (facts.length === 0)
    return { ...PULL, outcome: 'fail', seen: 'no node takes pods', advice: 'kubectl get nodes' };
  if (bad.length > 0) {
    const more = bad.length > SHOWN ? `; ${bad.length - SHOWN} more` : '';
    const advice = `let every node reach and trust the registry (CA, plain HTTP, pull secret), and the namespace take pods (quota, pod security, webhooks); then run the same command again`;
    return {
      ...PULL,
      outcome: 'fail',
      seen: `${seen}; ${bad.slice(0, SHOWN).join('; ')}${more}`,
      expected: 'every node pulls',
      advice,
    };
  }
  if (slow.length > 0)
    return {
      ...PULL,
      outcome: 'warn',
      seen: `${seen}; ${slow.slice(0, SHOWN).join('; ')}`,
      advice: 'look at these nodes and the registry; a slow one needs more time',
    };
  return { ...PULL, outcome: 'pass', seen };
}

function faultOf({ node, image, refused, pod }: CanaryFacts): string[] {
  if (refused !== undefined) return [`the pod for ${node} was refused: ${refused}`];
  const fault = pullFaultOf(pod);
  if (fault !== undefined) return [`${node} cannot pull ${image}: ${fault}`];
  const placed = pod !== undefined && 'nodeName' in ((pod['spec'] ?? {}) as object);
  if (image === undefined || placed || isPulled(pod)) return [];
  const why = unplacedReason(pod);
  return [`${node} did not take the pod${why === undefined ? '' : `: ${why}`}`];
}

function slowness(facts: CanaryFacts): string[] {
  const { node, arch, image, pod } = facts;
  if (image === undefined) return [`no image for ${arch} (${node}) is in the registry yet`];
  if (faultOf(facts).length > 0 || isPulled(pod)) return [];
  return [`${node} has not pulled it yet`];
}

function judgeInside(pulled: readonly CanaryFacts[], domain: string): Finding {
  const exits = pulled.map(({ node, pod }) => ({ node, ...exitOf(pod) }));
  const failed = exits.filter(({ code }) => code === 2).map(({ node }) => node);
  if (failed.length > 0) {
    const advice = `add an A record for ${domain} to the DNS that the cluster asks`;
    const where = failed.slice(0, SHOWN).join(', ');
    return { ...DNS, outcome: 'fail', seen: `${domain} does not resolve in a pod on ${where}`, advice };
  }
  const answered = exits.filter(({ code }) => code === 0);
  if (answered.length === exits.length)
    return { ...DNS, outcome: 'pass', seen: `${domain} resolves on ${exits.length} nodes` };
  const reason = exits.find(({ code }) => code !== 0)?.reason || 'no answer';
  return { ...DNS, outcome: 'not-checked', seen: `the image has no program to ask with (${reason})` };
}
