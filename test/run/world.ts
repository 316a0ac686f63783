import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ExecutorOf, Plan, PlanStep, StepContext, StepExecutor } from '../../src/run/types.js';

/**
 * A site made of files: objects with UIDs, a release with revisions, blobs. Every effect is one atomic file
 * operation, and every effect that must not happen twice leaves a line in `effects.log`.
 */
export interface World {
  readonly folder: string;
  /** Called at points inside a step's work, where a process can die too. */
  readonly crash: (point: string) => void;
}

export function makeWorld(folder: string, crash: World['crash'] = () => {}): World {
  for (const name of ['objects', 'blobs']) mkdirSync(join(folder, name), { recursive: true });
  return { folder, crash };
}

/** The site before the upgrade. */
export function fillWorld(world: World): void {
  put(world, 'objects/ingress', { uid: 'ingress-1', patch: 'by hand' });
  put(world, 'objects/sts-keycloak', { uid: 'sts-1' });
  put(world, 'objects/sts-postgresql', { uid: 'sts-2' });
  put(world, 'objects/pvc', { uid: 'pvc-1', keep: false });
  put(world, 'release', { revision: 4, chart: 'runai-backend', by: '' });
}

/** What the end state is compared by: everything but the ids that differ from run to run. */
export function describeWorld(world: World): Record<string, unknown> {
  const objects = readdirSync(join(world.folder, 'objects')).filter((name) => !name.startsWith('.'));
  return {
    objects: Object.fromEntries(objects.sort().map((name) => [name, get(world, `objects/${name}`)])),
    blobs: readdirSync(join(world.folder, 'blobs')).sort(),
    release: { ...get(world, 'release'), by: 'the run' },
    replicas: get(world, 'replicas'),
  };
}

/** Lines of effects that must not happen twice. */
export function effects(world: World): string[] {
  const path = join(world.folder, 'effects.log');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
}

const BLOBS = ['a', 'b', 'c'];
const STATEFUL = ['sts-keycloak', 'sts-postgresql'];

function step(id: string, more: Partial<PlanStep> = {}): PlanStep {
  return { id, title: `do ${id}`, destructive: false, saves: [], doneWhen: `${id} shows`, ...more };
}

export function makePlan(): Plan {
  return {
    kind: 'install',
    title: 'upgrade 2.9 to 2.13',
    bundleId: 'b'.repeat(64),
    clusterUid: '1b4e28ba-2fa1-11d2-883f-0016d3cca427',
    steps: [
      step('push', { lasting: true }),
      step('keep:pvc', { lasting: true }),
      step('delete:statefulsets', { destructive: true, saves: ['both'], outage: 'starts' }),
      step('delete:ingress', { destructive: true, saves: ['the ingress'] }),
      step('scale:0'),
      step('helm:runai-backend'),
      step('scale:1', { outage: 'ends' }),
    ],
  };
}

export function executors(world: World): ExecutorOf {
  const table: Record<string, StepExecutor> = {
    push: push(world),
    'keep:pvc': keepPvc(world),
    'delete:statefulsets': removal(world, STATEFUL),
    'delete:ingress': removal(world, ['ingress']),
    'scale:0': scale(world, { from: undefined, to: 0 }),
    'helm:runai-backend': helm(world),
    'scale:1': scale(world, { from: 0, to: 1 }),
  };
  return (planned) => table[planned.id] as StepExecutor;
}

function push(world: World): StepExecutor {
  const missing = () => BLOBS.filter((name) => !existsSync(join(world.folder, 'blobs', name)));
  return {
    observe: async () => ({ state: missing().length === 0 ? 'done' : 'ready' }),
    perform: async () => {
      for (const name of missing()) {
        world.crash('push');
        writeFileSync(join(world.folder, 'blobs', name), name);
      }
    },
  };
}

function keepPvc(world: World): StepExecutor {
  return {
    observe: async () => ({ state: get(world, 'objects/pvc')?.['keep'] === true ? 'done' : 'ready' }),
    perform: async () => put(world, 'objects/pvc', { ...get(world, 'objects/pvc'), keep: true }),
  };
}

/** Deletes objects by the UID they had when they were saved; another UID is another object. */
function removal(world: World, names: readonly string[]): StepExecutor {
  const saveName = (name: string) => `objects/${name}.json`;
  const left = async ({ saved }: StepContext): Promise<string[]> => {
    const found: string[] = [];
    for (const name of names) {
      const live = get(world, `objects/${name}`);
      const old = await saved.get(saveName(name));
      if (live === undefined) continue;
      if (old === undefined || JSON.parse(old.toString()).uid === live['uid']) found.push(name);
    }
    return found;
  };
  return {
    observe: async (context) => ({ state: (await left(context)).length === 0 ? 'done' : 'ready' }),
    save: async ({ saved }) => {
      for (const name of names) {
        const live = get(world, `objects/${name}`);
        if (live) await saved.put(saveName(name), JSON.stringify(live));
      }
    },
    perform: async (context) => {
      for (const name of await left(context)) {
        await context.guard();
        world.crash(`delete ${name}`);
        const live = get(world, `objects/${name}`);
        if (live?.['uid'] !== JSON.parse(String(await context.saved.get(saveName(name)))).uid) continue;
        appendFileSync(join(world.folder, 'effects.log'), `delete ${name} ${live?.['uid']}\n`);
        rmSync(join(world.folder, 'objects', name));
        world.crash(`deleted ${name}`);
      }
    },
  };
}

function scale(world: World, { from, to }: { from: number | undefined; to: number }): StepExecutor {
  return {
    observe: async () => {
      const now = get(world, 'replicas')?.['count'] as number | undefined;
      return {
        state: now === to ? 'done' : now === from ? 'ready' : 'impossible',
        detail: `${now} replicas`,
      };
    },
    perform: async () => put(world, 'replicas', { count: to }),
  };
}

/** Not idempotent: each call is one more revision; ours is known by the run id in its description. */
function helm(world: World): StepExecutor {
  return {
    observe: async ({ runId }) => ({ state: get(world, 'release')?.['by'] === runId ? 'done' : 'ready' }),
    perform: async ({ runId }) => {
      const release = get(world, 'release') as { revision: number };
      appendFileSync(join(world.folder, 'effects.log'), `helm ${release.revision + 1}\n`);
      put(world, 'objects/ingress', { uid: 'ingress-2' });
      put(world, 'objects/sts-keycloakx', { uid: 'sts-3' });
      put(world, 'release', { revision: release.revision + 1, chart: 'control-plane', by: runId });
    },
  };
}

function get(world: World, name: string): Record<string, unknown> | undefined {
  const path = join(world.folder, name);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

function put(world: World, name: string, value: unknown): void {
  writeFileSync(join(world.folder, name), JSON.stringify(value));
}
