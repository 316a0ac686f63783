import { AirgapError } from '../../errors.js';
import { markFailed, type ReleaseSecret, releaseSelector } from '../../helm/release.js';
import type { ReleaseName } from '../../helm/types.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { StepContext } from '../../run/types.js';
import { findHelmAtWork } from '../processes.js';
import type { Limits } from './types.js';

export type RevisionSecret = KubeObject & ReleaseSecret;

/** All revisions of a release, as helm keeps them. */
export function readRevisions(
  client: KubeClient,
  { release, namespace }: ReleaseName,
  signal: AbortSignal,
): Promise<RevisionSecret[]> {
  const labelSelector = releaseSelector(release);
  return client.list<RevisionSecret>(RESOURCES.secrets, { namespace, labelSelector, pageSize: 5, signal });
}

/** After a kill -9 of ours its helm goes on: what it does is waited for, not fought. */
export async function waitForEarlierHelm(
  { release }: ReleaseName,
  limits: Limits,
  { runId, signal, emit }: Pick<StepContext, 'runId' | 'signal' | 'emit'>,
): Promise<void> {
  let told = false;
  const gone = async (): Promise<true | undefined> => {
    const found = await findHelmAtWork(runId, release);
    if (found.length === 0) return true;
    const text = `helm (process ${found.join(', ')}) is still at work on ${release}; waiting for it`;
    if (!told) emit({ type: 'note', level: 'warn', text });
    told = true;
    return undefined;
  };
  await waitFor(gone, { timeout: limits.helm * 2, every: 1000, signal });
}

/** True while a helm of the run works on the release on this host. */
export async function isHelmAtWork(
  { release }: Pick<ReleaseName, 'release'>,
  { runId }: Pick<StepContext, 'runId'>,
): Promise<boolean> {
  return (await findHelmAtWork(runId, release)).length > 0;
}

/** Marks our own half-made revision failed; helm then goes on from it. @throws AirgapError LOCKED */
export async function failRevision(
  client: KubeClient,
  name: ReleaseName,
  { revision, context }: { readonly revision: number; readonly context: StepContext },
): Promise<void> {
  const secret = revisionOf(await readRevisions(client, name, context.signal), revision);
  if (secret === undefined) return;
  const description = `interrupted; marked failed by airgap run ${context.runId}`;
  await replaceRevision(client, name, { secret: markFailed(secret, description), context });
}

/** Writes a revision's Secret unless somebody else wrote it meanwhile. @throws AirgapError LOCKED */
export async function replaceRevision(
  client: KubeClient,
  name: ReleaseName,
  { secret, context }: { readonly secret: RevisionSecret; readonly context: StepContext },
): Promise<void> {
  await context.guard();
  const written = await client.replace(secret, { signal: context.signal });
  const revision = secret.metadata.labels?.['version'];
  if (written === 'conflict')
    throw lockedBy(name, { why: `revision ${revision} changed`, since: 'just now' });
}

/** The Secret of one revision. */
export function revisionOf(secrets: readonly RevisionSecret[], revision: number): RevisionSecret | undefined {
  return secrets.find(({ metadata }) => metadata.labels?.['version'] === String(revision));
}

/** The error of a release that another helm holds. */
export function lockedBy(
  { release, namespace }: ReleaseName,
  { why, since }: { readonly why: string; readonly since: string },
): AirgapError {
  return new AirgapError('LOCKED', `release ${release} is not free: ${why}`, {
    expected: 'no other helm at work on it',
    found: `pending since ${since || 'an unknown time'}`,
    hint: `find out who: helm history ${release} -n ${namespace}; when nobody is at work any more: helm rollback ${release} -n ${namespace}, then the same command again`,
  });
}
