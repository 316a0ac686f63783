import { isAirgapError } from '../../errors.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { BACKEND, OBJECTS } from '../../runai/names.js';
import { keepBeforeSwap } from '../before-swap.js';
import { oldName, sideName } from '../database-names.js';
import { runSql } from '../restore-database.js';
import { SWAP_SCRIPT } from '../restore-script.js';
import { markOf, readState, type ServerState, serverOf } from './server.js';
import type { RestoreWork } from './types.js';
import {
  areStopped,
  type Choose,
  putBack,
  readWorkloads,
  stopWorkloads,
  type Workload,
} from './workloads.js';

const KEPT = 'writers/replicas.json';

/** Everything of the control plane but the database itself. */
const WRITERS: Choose = {
  namespace: BACKEND.namespace,
  chooses: ({ kind, metadata }) => !(kind === 'StatefulSet' && metadata.name === OBJECTS.postgresSet.name),
  what: 'the database',
};

/**
 * Gives restored databases the live ones' names while nothing writes. The outage lies within this one step: whatever
 * happens in it, what was stopped is started again before it ends, and a run that was killed in it begins with the
 * numbers that were saved before the first change (threats 129).
 */
export function swapStep(work: RestoreWork, databases: readonly string[]): StepExecutor {
  return {
    observe: async (context) => {
      try {
        return await look(work, databases, context);
      } catch (error) {
        if (!isAirgapError(error, 'LOCK_LOST')) await startAgain(work, context);
        throw error;
      }
    },
    save: async (context) => {
      const { saved, signal } = context;
      await saved.put(KEPT, JSON.stringify(await readWorkloads(work, WRITERS, signal)));
      // What is on the customer's own server is never dropped.
      if (!work.external) await keepBeforeSwap(work, await serverOf(work, context), context);
    },
    perform: async (context) => {
      try {
        await swap(work, databases, context);
      } catch (error) {
        if (!isAirgapError(error, 'LOCK_LOST')) await startAgain(work, context);
        throw error;
      }
      await startAgain(work, context);
    },
  };
}

async function look(
  work: RestoreWork,
  databases: readonly string[],
  context: StepContext,
): ReturnType<StepExecutor['observe']> {
  const state = await readState(await serverOf(work, context));
  const mark = markOf(work, context);
  const left = databases.filter((name) => state.databases[name] !== mark);
  const obstacle = obstacleOf(left, state, mark);
  if (obstacle !== undefined) {
    await startAgain(work, context);
    return { state: 'impossible', detail: obstacle };
  }
  if (left.length > 0) return { state: 'ready', detail: `${left.join(', ')} to swap` };
  const stopped = await areStopped(work, await readKept(context), context.signal);
  if (stopped.length > 0) return { state: 'ready', detail: `${stopped.length} workloads to start` };
  // The last step that needs the pod: what waits for the product to be healthy finds none of ours.
  await work.external?.close();
  return { state: 'done' };
}

async function swap(work: RestoreWork, databases: readonly string[], context: StepContext): Promise<void> {
  const server = await serverOf(work, context);
  const state = await readState(server);
  const left = databases.filter((name) => state.databases[name] !== markOf(work, context));
  if (left.length === 0) return;
  await stopWorkloads(work, WRITERS, context);
  await context.guard();
  const names = left.map((name) => ({ name, side: sideName(name), old: oldName(name) }));
  await runSql(server, SWAP_SCRIPT, [JSON.stringify(names)]);
}

/** What only the operator can clear away. */
function obstacleOf(left: readonly string[], { databases }: ServerState, mark: string): string | undefined {
  for (const name of left) {
    if (databases[sideName(name)] !== mark)
      return `${sideName(name)} is not the database that this run restored`;
    if (oldName(name) in databases)
      return `${oldName(name)} of an earlier restore is still there; look at it and drop it`;
  }
  return undefined;
}

/** Also when the operator has interrupted: an outage is no place to stop. */
async function startAgain(work: RestoreWork, context: StepContext): Promise<void> {
  const { signal } = new AbortController();
  await putBack(work, await readKept(context), { ...context, signal });
}

async function readKept({ saved }: StepContext): Promise<Workload[]> {
  return JSON.parse((await saved.get(KEPT))?.toString('utf8') ?? '[]') as Workload[];
}
