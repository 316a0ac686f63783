import type { PlanStep } from '../run/types.js';
import { plannedDomain } from './domain.js';
import type { PlannedRelease } from './plan.js';
import { PULL_SECRET } from './release-values.js';
import type { Observation } from './site.js';
import type { CanaryTarget } from './steps/canary.js';

const BEFORE_CANARY: ReadonlySet<string> = new Set(['save', 'push', 'namespaces']);

/** One for each namespace that lacks it, where pulling needs a login. */
export function pullSecretSteps({ registry }: Observation, releases: readonly PlannedRelease[]): PlanStep[] {
  if (!registry || releases.length === 0) return [];
  return registry.withoutPullSecret.map((namespace) => ({
    id: `pull-secret:${namespace}`,
    title: `create the pull secret ${PULL_SECRET} for ${registry.address.host} in ${namespace}`,
    command: `kubectl create secret docker-registry ${PULL_SECRET} -n ${namespace} --docker-server=${registry.address.host} --docker-username=… --docker-password=…`,
    destructive: false,
    saves: [],
    doneWhen: `the secret is there and names ${registry.address.host}`,
    undoneBy: 'deleting it',
    lasting: true,
    touches: 'surroundings',
    input: { action: { kind: 'pull-secret', namespace }, registry: registry.address.text },
  }));
}

/**
 * After the images are there and before anything that the product would miss. Where images are left in place it is
 * the control plane's namespace that has the pull secret: a cluster part alone may bring its own.
 */
export function addCanary(
  steps: PlanStep[],
  {
    site,
    releases,
    images,
  }: {
    readonly site: Observation;
    readonly releases: readonly PlannedRelease[];
    /** How many the bundle or the spec has. */
    readonly images: number;
  },
): void {
  const { registry } = site;
  const upstream = releases.find(({ chart }) => chart.role === 'control-plane' && images > 0);
  const home = registry ? releases[0] : upstream;
  const namespace = home?.chart.namespace;
  const starts = releases.some(({ decision }) => decision.do !== 'keep');
  if (namespace === undefined || !starts) return;
  const domain = plannedDomain(releases, site);
  const at = steps.findLastIndex(({ id }) => BEFORE_CANARY.has(id)) + 1;
  const needsLogin = registry?.needsLogin ?? false;
  const target: CanaryTarget = { namespace, needsLogin, ...(domain === undefined ? {} : { domain }) };
  steps.splice(at, 0, {
    id: 'canary',
    title: 'let every node pull one image of the bundle, in a pod that is taken away again',
    command: `kubectl run airgap-canary -n ${namespace} --image=${registry ? `${registry.address.text}/` : ''}IMAGE --restart=Never`,
    destructive: false,
    saves: [],
    doneWhen: 'every node that takes pods has pulled it, and the domain resolves in the pods',
    touches: 'surroundings',
    input: { action: { kind: 'canary', ...target }, registry: registry?.address.text ?? '' },
  });
}
