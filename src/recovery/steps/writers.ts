import { AirgapError } from '../../errors.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject, Resource } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { BACKEND, OBJECTS } from '../../runai/names.js';
import { valueAt } from '../value-at.js';
import type { RestoreWork } from './types.js';

const NAME = 'writers/replicas.json';
const KINDS: readonly Resource[] = [RESOURCES.deployments, RESOURCES.statefulSets];
const GONE_MS = 5 * 60_000;

interface Writer {
  readonly kind: string;
  readonly name: string;
  readonly replicas: number;
}

/** Scales everything in the control plane's namespace to none, but the database. The numbers are saved first. */
export function stopWritersStep(work: RestoreWork): StepExecutor {
  return {
    observe: async ({ signal, saved }) => {
      const running = (await readWriters(work, signal)).filter(({ replicas }) => replicas > 0);
      const pods = await writerPods(work, signal);
      const known = (await saved.get(NAME)) !== undefined;
      if (known && running.length === 0 && pods.length === 0) return { state: 'done' };
      return { state: 'ready', detail: `${running.length} run, ${pods.length} pods` };
    },
    save: async ({ saved, signal }) => {
      // Once saved they stay: after a kill they may stand at none already.
      if ((await saved.get(NAME)) === undefined)
        await saved.put(NAME, JSON.stringify(await readWriters(work, signal)));
    },
    perform: async (context) => {
      for (const writer of await readWriters(work, context.signal))
        if (writer.replicas > 0) await scale(work, { ...writer, replicas: 0 }, context);
      const { signal } = context;
      const gone = await waitFor(
        async () => ((await writerPods(work, signal)).length === 0 ? true : undefined),
        { timeout: GONE_MS, every: 500, signal },
      );
      if (gone) return;
      const left = (await writerPods(work, signal)).map(({ metadata }) => metadata.name);
      throw new AirgapError('RESTORE_FAILED', 'not everything that writes to the database stops', {
        expected: 'no pod but the database’s',
        found: left.slice(0, 10).join(', '),
      });
    },
  };
}

/** Gives every workload the number of replicas back that it had. */
export function startWritersStep(work: RestoreWork): StepExecutor {
  const wanted = async ({ saved }: StepContext): Promise<Writer[]> => {
    const content = await saved.get(NAME);
    return content === undefined ? [] : (JSON.parse(content.toString('utf8')) as Writer[]);
  };
  const toStart = async (context: StepContext): Promise<Writer[]> => {
    const live = await readWriters(work, context.signal);
    const now = new Map(live.map((writer) => [`${writer.kind}/${writer.name}`, writer.replicas]));
    return (await wanted(context)).filter(
      ({ kind, name, replicas }) => (now.get(`${kind}/${name}`) ?? replicas) !== replicas,
    );
  };
  return {
    observe: async (context) => {
      const left = await toStart(context);
      return left.length === 0 ? { state: 'done' } : { state: 'ready', detail: `${left.length} to start` };
    },
    perform: async (context) => {
      for (const writer of await toStart(context)) await scale(work, writer, context);
    },
  };
}

async function readWriters({ client }: RestoreWork, signal: AbortSignal): Promise<Writer[]> {
  const writers: Writer[] = [];
  for (const resource of KINDS)
    for (const object of await client.list(resource, { namespace: BACKEND.namespace, signal })) {
      if (isDatabase(object)) continue;
      const replicas = valueAt(object, ['spec', 'replicas']);
      writers.push({
        kind: resource.kind,
        name: object.metadata.name,
        replicas: typeof replicas === 'number' ? replicas : 1,
      });
    }
  return writers;
}

async function writerPods({ client }: RestoreWork, signal: AbortSignal): Promise<KubeObject[]> {
  const pods = await client.list(RESOURCES.pods, { namespace: BACKEND.namespace, signal });
  return pods.filter(
    (pod) =>
      !pod.metadata.name.startsWith(`${OBJECTS.postgresSet.name}-`) &&
      pod.metadata.ownerReferences?.some(({ kind }) => kind === 'ReplicaSet' || kind === 'StatefulSet') ===
        true,
  );
}

function isDatabase({ kind, metadata }: KubeObject): boolean {
  return kind === 'StatefulSet' && metadata.name === OBJECTS.postgresSet.name;
}

async function scale(
  { client }: RestoreWork,
  { kind, name, replicas }: Writer,
  context: StepContext,
): Promise<void> {
  const resource = KINDS.find((each) => each.kind === kind);
  if (!resource) return;
  await context.guard();
  await client.patch(
    resource,
    { namespace: BACKEND.namespace, name },
    { spec: { replicas } },
    { signal: context.signal },
  );
}
