import { decodeRelease, isDecoded, withManifest } from '../../helm/release.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { manifestObjects } from '../manifest.js';
import { readRelease } from '../observe.js';
import { uninstalledName, workloadsName } from '../saved-names.js';
import { readRevisions, replaceRevision, revisionOf } from './helm-record.js';
import type { Work } from './types.js';
import { dangersOf, keepLine, keptInManifest } from './uninstall-dangers.js';
import { leftOf, type Workload, waitUntilCollected, workloadsOf } from './workload-pods.js';

type Needs = Pick<Work, 'client' | 'helm' | 'limits'>;

interface Target {
  readonly release: string;
  readonly namespace: string;
}

/**
 * Uninstalls a release and waits until its pods go; one that was installed after this run saved its Secrets is another
 * release and stays.
 */
export function uninstallStep({ client, helm, limits }: Needs, target: Target): StepExecutor {
  const { release, namespace } = target;
  const name = uninstalledName(release);
  const secrets = (signal: AbortSignal) => readRevisions(client, target, signal);
  const ours = async ({ saved, signal }: StepContext): Promise<KubeObject[]> => {
    const live = await secrets(signal);
    const content = await saved.get(name);
    if (content === undefined) return live;
    const known = new Set(
      (JSON.parse(content.toString('utf8')) as KubeObject[]).map((one) => one.metadata.uid),
    );
    return live.filter((one) => known.has(one.metadata.uid));
  };
  /** Done when the cluster has taken away what the workloads had. */
  const collected = async ({ saved, signal }: StepContext) => {
    const left = await leftOf(client, await readWorkloads(saved, release), signal);
    return left.length === 0
      ? ({ state: 'done' } as const)
      : ({ state: 'ready', detail: `${left.length} objects of the old workloads are left` } as const);
  };
  return {
    observe: async (context) => {
      if ((await ours(context)).length === 0) return collected(context);
      const { revisions } = await readRelease(client, target, { signal: context.signal });
      const last = revisions.filter(isDecoded).at(-1);
      if (last === undefined)
        return { state: 'impossible', detail: `the record of ${release} cannot be read` };
      if (last.status === 'uninstalled') return collected(context);
      if (last.status.startsWith('pending-')) {
        return {
          state: 'impossible',
          detail: `${release} is ${last.status}: another helm may be at work on it`,
        };
      }
      const { dangers } = await dangersOf(client, { ...target, manifest: last.manifest }, context.signal);
      if (dangers.length > 0) {
        const list = dangers.map(({ what }) => what).join('; ');
        const lines = dangers.map(({ ref }) => keepLine(ref)).join('; ');
        return {
          state: 'impossible',
          detail: `uninstalling would also delete ${list}; to keep it: ${lines}`,
        };
      }
      return { state: 'ready', detail: `${release} is ${last.status}, revision ${last.revision}` };
    },
    save: async ({ saved, signal }) => {
      const { revisions } = await readRelease(client, target, { signal });
      const manifest = revisions.filter(isDecoded).at(-1)?.manifest ?? '';
      const objects = manifestObjects(manifest, release);
      const workloads = await workloadsOf(client, objects, { namespace, signal });
      await saved.put(workloadsName(release), JSON.stringify(workloads));
      await saved.put(name, JSON.stringify(await secrets(signal)));
    },
    perform: async (context) => {
      if (isInstalled(await ours(context))) {
        await carryMarks(client, target, context);
        await context.guard();
        await helm.uninstall({ release, namespace, timeout: limits.helm });
      }
      const workloads = await readWorkloads(context.saved, release);
      await waitUntilCollected(client, workloads, { context, timeout: limits.health });
    },
  };
}

async function readWorkloads(saved: StepContext['saved'], release: string): Promise<Workload[]> {
  const content = await saved.get(workloadsName(release));
  return content === undefined ? [] : (JSON.parse(content.toString('utf8')) as Workload[]);
}

/** Where the history was kept, helm refuses to uninstall again. */
function isInstalled(secrets: readonly KubeObject[]): boolean {
  const revision = ({ metadata }: KubeObject): number => Number(metadata.labels?.['version']);
  const last = [...secrets].sort((a, b) => revision(a) - revision(b)).at(-1);
  return last !== undefined && last.metadata.labels?.['status'] !== 'uninstalled';
}

/** What is marked on live objects to be kept, written where helm looks. @throws AirgapError LOCKED */
async function carryMarks(client: KubeClient, target: Target, context: StepContext): Promise<void> {
  const secrets = await readRevisions(client, target, context.signal);
  const last = secrets
    .map(decodeRelease)
    .filter(isDecoded)
    .sort((a, b) => a.revision - b.revision)
    .at(-1);
  const secret = last && revisionOf(secrets, last.revision);
  if (last === undefined || secret === undefined) return;
  const { marked } = await dangersOf(client, { ...target, manifest: last.manifest }, context.signal);
  if (marked.length === 0) return;
  const changed = withManifest(secret, (manifest) => keptInManifest(manifest, marked));
  await replaceRevision(client, target, { secret: changed, context });
  const list = marked.map(({ kind, name }) => `${kind} ${name}`).join(', ');
  context.emit({ type: 'note', level: 'info', text: `${list}: marked to be kept, and kept` });
}
