import { createHash } from 'node:crypto';
import { AirgapError } from '../../errors.js';
import { listPullSecrets } from '../../kube/pull-secrets.js';
import { RESOURCES } from '../../kube/resources.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { flyCanaries, smallestImages } from '../canary.js';
import { withCanarySecret } from '../canary-secret.js';
import { judgeCanaries } from '../checks/canary.js';
import type { Finding } from '../findings.js';
import type { Work } from './types.js';

/** What a canary step is about; part of the plan. */
export interface CanaryTarget {
  readonly namespace: string;
  readonly needsLogin: boolean;
  readonly domain?: string;
}

const NOTHING: ReadonlySet<string> = new Set();
/** A slow registry may be slow here already, where nobody waits for the product yet. */
const WAIT_MS = 5 * 60_000;

/**
 * Every node pulls an image before anything of the product is touched: what keeps pods from starting stops the run
 * here (threats 108). What the operator accepted (`--acknowledge`) is told and passed over.
 */
export function canaryStep(work: Work, target: CanaryTarget): StepExecutor {
  let flown: string | undefined;
  return {
    observe: async () => (flown === undefined ? { state: 'ready' } : { state: 'done', detail: flown }),
    perform: async (context) => {
      const findings = await fly(work, target, context);
      const failed = findings.filter(
        ({ id, outcome }) => outcome === 'fail' && !work.acknowledged.includes(id),
      );
      if (failed.length > 0) throw refusal(failed);
      flown = findings.map(({ seen }) => seen).join('; ');
    },
  };
}

async function fly(work: Work, target: CanaryTarget, context: StepContext): Promise<Finding[]> {
  const { client, bundle, registry } = work;
  const { namespace, needsLogin, domain } = target;
  const { signal, guard, runId } = context;
  const from = registry === undefined ? {} : { registry: registry.text };
  const images = await smallestImages(bundle, { ...from, absent: NOTHING, signal });
  const nodes = await client.list(RESOURCES.nodes, { signal });
  // The same names after a kill: what it left is found and taken away.
  const token = `airgap-canary-${createHash('sha256').update(runId).digest('hex').slice(0, 10)}`;
  const flight = { client, namespace, token, guard, signal };
  const pulls = (pullSecrets: readonly string[]) =>
    flyCanaries({
      ...{ ...flight, nodes, images, pullSecrets, timeout: WAIT_MS },
      ...(domain === undefined ? {} : { domain }),
    });
  if (registry === undefined)
    return judgeCanaries(await pulls(await listPullSecrets(client, namespace, signal)), domain);
  const { host } = registry.client;
  const login = { ...flight, host, needsLogin, credentials: registry.credentials };
  return judgeCanaries(await withCanarySecret(login, pulls), domain);
}

function refusal(failed: readonly Finding[]): AirgapError {
  const what = 'pods cannot start on the nodes as the release needs it; nothing of the product was changed';
  const names = failed.map(({ id }) => `--acknowledge=${id}`).join(' ');
  return new AirgapError('PREFLIGHT_FAILED', what, {
    faults: failed.map(({ title, seen, advice }) => ({
      where: title,
      what: advice === undefined ? seen : `${seen}; to do: ${advice}`,
    })),
    hint: `mend it and run the same command again; to go on all the same, add ${names}`,
  });
}
