import { AirgapError, isAirgapError } from '../../errors.js';
import { RESOURCES } from '../../kube/resources.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { parseSums } from '../dump-report.js';
import { bashCall, execInto, lastWords } from '../exec-stream.js';
import { type HelperPod, withHelper } from '../helper-pod.js';
import { removeLeftHelpers } from '../left-helpers.js';
import type { RestoreAction } from '../plan.js';
import { pullSecretsIn } from '../pull-secrets.js';
import { COMPARE_SCRIPT, WRITE_SCRIPT } from '../volume-script.js';
import { freshClaim } from './claims.js';
import { demandErasable, FILLING, madeHere } from './erasable.js';
import type { RestoreWork } from './types.js';
import { mounts } from './users.js';
import {
  areStopped,
  type Choose,
  putBack,
  readWorkloads,
  stopWorkloads,
  type Workload,
} from './workloads.js';

type VolumeAction = Extract<RestoreAction, { kind: 'volume' }>;

/** Says on a claim which copy a run filled its volume with. */
const MARK = 'airgap/restored';

/**
 * Makes the claim if there is none and fills its volume through a pod of ours. Workloads that have it mounted are
 * stopped meanwhile; when filling it fails they stay so, because half a volume is worse than none.
 */
export function volumeStep(work: RestoreWork, action: VolumeAction): StepExecutor {
  const { namespace, claim } = action;
  const users = usersOf(action);
  const kept = `volumes/${namespace}-${claim}-replicas.json`;
  const readKept = async ({ saved }: StepContext): Promise<Workload[]> =>
    JSON.parse((await saved.get(kept))?.toString('utf8') ?? '[]') as Workload[];
  return {
    observe: async (context) => {
      const { signal } = context;
      const live = await work.client.get(RESOURCES.claims, { name: claim, namespace }, { signal });
      if (live?.metadata.annotations?.[MARK] !== markOf(work, action, context))
        return { state: 'ready', detail: live ? 'the claim is there' : 'there is no claim' };
      const stopped = await areStopped(work, await readKept(context), signal);
      if (stopped.length > 0) return { state: 'ready', detail: `filled; ${stopped.join(', ')} to start` };
      return { state: 'done', detail: `sha256:${work.backup.part(action.part)?.sha256}` };
    },
    save: async ({ saved, signal }) => {
      await saved.put(kept, JSON.stringify(await readWorkloads(work, users, signal)));
    },
    perform: async (context) => {
      const { signal, guard } = context;
      const name = { name: claim, namespace };
      const live = await work.client.get(RESOURCES.claims, name, { signal });
      if (live?.metadata.annotations?.[MARK] !== markOf(work, action, context)) {
        await guard();
        if (!live)
          await work.client.create(madeHere(await freshClaim(work, action, signal), context), { signal });
        await stopWorkloads(work, users, context);
        await removeLeftHelpers(work.client, action, context);
        await fillThroughPod(work, action, context).catch(async (error: unknown) => {
          // Nothing on it was touched: what had it mounted goes on with it.
          if (isAirgapError(error, 'RESTORE_REFUSED')) await putBack(work, await readKept(context), context);
          throw error;
        });
        await guard();
        const annotations = { [MARK]: markOf(work, action, context), [FILLING]: null };
        await work.client.patch(RESOURCES.claims, name, { metadata: { annotations } }, { signal });
      }
      await putBack(work, await readKept(context), context);
    },
  };
}

/** The run stands in it: the same copy restored once more is another restore. */
function markOf({ backup }: RestoreWork, { part }: VolumeAction, { runId }: StepContext): string {
  return `${runId} sha256:${backup.part(part)?.sha256}`;
}

function usersOf({ namespace, claim }: VolumeAction): Choose {
  return { namespace, chooses: (object) => mounts(object, claim), what: `volume ${namespace}/${claim}` };
}

async function fillThroughPod(work: RestoreWork, action: VolumeAction, context: StepContext): Promise<void> {
  const { namespace, claim, image } = action;
  const { signal } = context;
  const request = {
    client: work.client,
    namespace,
    purpose: 'write',
    image,
    pullSecrets: await pullSecretsIn(work.client, namespace, signal),
    claim: { name: claim, readOnly: false },
    user: 0,
    random: work.random,
    signal,
  };
  await withHelper(request, async (pod) => {
    await demandErasable(work, action, { pod, context });
    await fill(work, action, { pod, context });
  });
}

/** Writes the copy, then lets tar compare all of it with what is on the volume. */
async function fill(
  work: RestoreWork,
  { part, namespace, claim }: VolumeAction,
  { pod, context }: { readonly pod: HelperPod; readonly context: StepContext },
): Promise<void> {
  const facts = work.backup.part(part);
  const run = async (script: string, what: string): Promise<string> => {
    const { command, input } = bashCall({ script, args: [String(facts?.size ?? 0)] });
    const { exitCode, report } = await execInto(
      { client: work.client, target: { ...pod.target, command }, input, signal: context.signal },
      work.backup.stream(part),
      (done) => progress(work, { stage: `volume:${claim}`, done, total: facts?.size ?? 0, current: what }),
    );
    if (exitCode === 0) return report;
    throw new AirgapError('RESTORE_FAILED', `volume ${namespace}/${claim} could not be ${what}`, {
      found: `exit ${exitCode}: ${lastWords(report)}`,
    });
  };
  const sums = parseSums(await run(WRITE_SCRIPT, 'written'));
  if (sums?.sha256 !== facts?.sha256) {
    throw new AirgapError(
      'RESTORE_FAILED',
      `what arrived at volume ${namespace}/${claim} is not what was sent`,
      {
        expected: `sha256:${facts?.sha256}`,
        found: `sha256:${sums?.sha256 ?? 'none'}`,
      },
    );
  }
  await run(COMPARE_SCRIPT, 'compared');
}

function progress(
  { emit }: RestoreWork,
  {
    stage,
    done,
    total,
    current,
  }: { readonly stage: string; readonly done: number; readonly total: number; readonly current: string },
): void {
  emit({ type: 'progress', stage: `${stage}:${current}`, done, total, unit: 'bytes', current });
}
