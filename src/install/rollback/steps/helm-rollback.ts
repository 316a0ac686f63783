import { AirgapError } from '../../../errors.js';
import { decodeRelease, isDecoded, type Release, withObjects } from '../../../helm/release.js';
import { RESOURCES } from '../../../kube/resources.js';
import type { KubeObject } from '../../../kube/types.js';
import { waitFor } from '../../../kube/wait.js';
import type { StepContext, StepExecutor } from '../../../run/types.js';
import { revisionsName } from '../../saved-names.js';
import { isReleases } from '../../steps/delete-owned.js';
import {
  failRevision,
  isHelmAtWork,
  lockedBy,
  type RevisionSecret,
  readRevisions,
  replaceRevision,
  revisionOf,
  waitForEarlierHelm,
} from '../../steps/helm-record.js';
import { secretStrings } from '../../values-diff.js';
import { objectsOf } from '../content.js';
import type { RollbackWork } from '../executors.js';
import { findAllLive, findLive, isToStay, nameOf } from '../observe.js';
import { decideRollback, type RollbackDecision, type RollbackTarget } from '../state.js';

interface Look {
  readonly secrets: readonly RevisionSecret[];
  readonly decision: RollbackDecision;
  /** The revision that helm goes back to, when its record is there. */
  readonly old?: Release;
}

/**
 * Takes a release back to an earlier revision. Helm compares with the last revision's manifest: a broken try of ours
 * is taken off the record first, and objects that an upgrade kept are put on it, or helm would fail over them.
 */
export function helmRollbackStep(work: RollbackWork, target: RollbackTarget): StepExecutor {
  const { client, helm, limits, origin, results } = work;
  const { release, namespace, revision } = target;
  const look = async (context: StepContext): Promise<Look> => {
    await waitForEarlierHelm(target, limits, context);
    const secrets = await readRevisions(client, target, context.signal);
    const savedLast = await lastSaved(context, release);
    const revisions = secrets.map(decodeRelease);
    const busy = (await isHelmAtWork(target, context)) || (await isHelmAtWork(target, origin));
    const decision = decideRollback(target, {
      revisions,
      origin: origin.runId,
      helmGone: !busy,
      ...(savedLast === undefined ? {} : { savedLast }),
    });
    const old = revisions.find((one) => one.revision === revision);
    return { secrets, decision, ...(old && isDecoded(old) ? { old } : {}) };
  };
  const lookAt = (old: Release, signal: AbortSignal) =>
    findAllLive(client, { objects: objectsOf(old), namespace, signal });
  const missing = async (old: Release, signal: AbortSignal): Promise<KubeObject[]> =>
    (await lookAt(old, signal)).filter(({ live }) => !isToStay(live)).map(({ object }) => object);
  /** Helm would change what is about to go, and call that done. */
  const untilGone = async (old: Release, signal: AbortSignal): Promise<void> => {
    let dying: KubeObject[] = [];
    const gone = async (): Promise<true | undefined> => {
      const looked = await lookAt(old, signal);
      dying = looked.flatMap(({ live }) => (live === undefined || isToStay(live) ? [] : [live]));
      return dying.length === 0 ? true : undefined;
    };
    if (await waitFor(gone, { timeout: limits.health, signal })) return;
    const list = dying.map((object) => `${nameOf(object)} (${object.metadata.finalizers?.join(', ')})`);
    throw new AirgapError('NOT_HEALTHY', `what was deleted of ${release} does not go away`, {
      expected: 'no object that is about to go where helm makes it again',
      found: list.join('; '),
      hint: 'find out who should answer the finalizers, then run the same command again',
    });
  };
  return {
    observe: async (context) => {
      const { decision, old } = await look(context);
      if (decision.do === 'locked') throw lockedBy(target, decision);
      if (decision.do === 'ask') return { state: 'impossible', detail: `${release}: ${decision.why}` };
      if (old === undefined)
        return { state: 'impossible', detail: `helm’s record of revision ${revision} of ${release} is gone` };
      if (decision.do !== 'keep')
        return { state: 'ready', detail: `revision ${decision.revision} is ${decision.status}` };
      const gone = await missing(old, context.signal);
      if (gone.length > 0) return { state: 'ready', detail: `${gone.map(nameOf).join(', ')} not there` };
      results.revisions.set(release, decision.revision);
      return { state: 'done', detail: `revision ${decision.revision}` };
    },
    save: async ({ saved, signal }) => {
      await saved.put(revisionsName(release), JSON.stringify(await readRevisions(client, target, signal)));
    },
    perform: async (context) => {
      const { secrets, decision, old } = await look(context);
      if (decision.do === 'drop') await dropRevision(work, { secrets, decision, context });
      if (decision.do === 'mark')
        await failRevision(client, target, { revision: decision.revision, context });
      await knowKept(work, target, context);
      if (old !== undefined) await untilGone(old, context.signal);
      await context.guard();
      context.signal.throwIfAborted();
      await helm.rollback({
        ...{ release, namespace, revision },
        timeout: limits.helm,
        runId: context.runId,
        secrets: secretStrings(old?.values),
      });
    },
  };
}

/** The last revision that was there before this run's first try; undefined before it was saved. */
async function lastSaved({ saved }: StepContext, release: string): Promise<number | undefined> {
  const content = await saved.get(revisionsName(release));
  if (content === undefined) return undefined;
  const secrets = JSON.parse(content.toString('utf8')) as RevisionSecret[];
  return Math.max(0, ...secrets.map((secret) => decodeRelease(secret).revision));
}

/**
 * Takes our own broken try off the record, after saving it: else helm would compare the old manifest with itself,
 * and what only the newer version has would stay for ever.
 */
async function dropRevision(
  { client }: RollbackWork,
  by: {
    readonly secrets: readonly RevisionSecret[];
    readonly decision: Extract<RollbackDecision, { do: 'drop' }>;
    readonly context: StepContext;
  },
): Promise<void> {
  const { secrets, decision, context } = by;
  const secret = revisionOf(secrets, decision.revision);
  if (secret === undefined) return;
  const { name, namespace, uid } = secret.metadata;
  await context.saved.put(`helm/${name}.json`, JSON.stringify(secret));
  await context.guard();
  const place = { name, ...(namespace === undefined ? {} : { namespace }) };
  await client.delete(RESOURCES.secrets, place, {
    signal: context.signal,
    ...(uid === undefined ? {} : { uid }),
  });
}

/** Puts on the last revision's record what is live, the release's own, wanted by the old one, and not in it. */
async function knowKept(
  { client }: RollbackWork,
  target: RollbackTarget,
  context: StepContext,
): Promise<void> {
  const { signal } = context;
  const secrets = await readRevisions(client, target, signal);
  const revisions = secrets.map(decodeRelease).filter(isDecoded);
  const last = revisions.sort((a, b) => a.revision - b.revision).at(-1);
  const old = revisions.find(({ revision }) => revision === target.revision);
  const secret = last && revisionOf(secrets, last.revision);
  if (!last || !old || !secret || last.revision === old.revision) return;
  const keyOf = ({ apiVersion = '', kind, metadata }: KubeObject): string =>
    `${apiVersion.split('/')[0]} ${kind} ${metadata.namespace ?? target.namespace} ${metadata.name}`;
  const known = new Set(objectsOf(last).map(keyOf));
  const kept: KubeObject[] = [];
  for (const object of objectsOf(old).filter((one) => !known.has(keyOf(one)))) {
    const live = await findLive(client, { object, namespace: target.namespace, signal });
    if (live && isReleases(live, target)) kept.push(object);
  }
  if (kept.length === 0) return;
  await replaceRevision(client, target, { secret: withObjects(secret, kept), context });
}
