import { RUN_LABEL } from '../../helm/fingerprint.js';
import { type DecodedRelease, isDecoded, type Release } from '../../helm/release.js';
import { contentSha } from './content.js';

/** What a release is to become; part of the plan's step. */
export interface RollbackTarget {
  readonly release: string;
  readonly namespace: string;
  /** The revision that helm goes back to. */
  readonly revision: number;
  /** Chart, values and manifest of that revision (content.ts). */
  readonly contentSha: string;
  /** The last revision when the plan was made. */
  readonly seen: number;
}

export interface RollbackFacts {
  readonly revisions: readonly DecodedRelease[];
  /** The last revision that this run saved before its first try; absent before that. */
  readonly savedLast?: number;
  /** The run that is taken back. */
  readonly origin: string;
  /** True when no helm of either run can be at work on the release. */
  readonly helmGone: boolean;
}

export type RollbackDecision =
  /** Its last revision is the old content, deployed. */
  | { readonly do: 'keep'; readonly revision: number }
  | { readonly do: 'roll-back'; readonly revision: number; readonly status: string }
  /** Our own broken try: its record is taken away, so that helm compares with what runs. */
  | { readonly do: 'drop'; readonly revision: number; readonly status: string }
  /** The broken try of the run that is taken back: it is marked failed. */
  | { readonly do: 'mark'; readonly revision: number; readonly status: string }
  | { readonly do: 'locked'; readonly why: string; readonly since: string }
  | { readonly do: 'ask'; readonly why: string };

/** From the last revision of a release to what may be done with it. Pure. */
export function decideRollback(target: RollbackTarget, facts: RollbackFacts): RollbackDecision {
  const last = [...facts.revisions].sort((a, b) => a.revision - b.revision).at(-1);
  if (last === undefined) return { do: 'ask', why: `there is no record of ${target.release}` };
  if (!isDecoded(last))
    return { do: 'ask', why: `the record of revision ${last.revision} cannot be read: ${last.undecodable}` };
  const { revision, status } = last;
  const isOld = contentSha(last) === target.contentSha;
  if (status === 'deployed' && isOld) return { do: 'keep', revision };
  if (status.startsWith('pending-')) return pending(last, { target, facts });
  if (isOurs(last, target, facts) && status === 'failed') return { do: 'drop', revision, status };
  if (revision !== target.seen)
    return {
      do: 'ask',
      why: `revision ${revision} (${status}: ${last.description}) was made since the plan`,
    };
  // A try of ours that failed leaves the revision before it superseded.
  if (status === 'deployed' || status === 'failed' || status === 'superseded')
    return { do: 'roll-back', revision, status };
  return { do: 'ask', why: `revision ${revision} is ${status}` };
}

function pending(
  last: Release,
  { target, facts }: { readonly target: RollbackTarget; readonly facts: RollbackFacts },
): RollbackDecision {
  const { revision, status, labels, lastDeployed: since } = last;
  const ours = isOurs(last, target, facts);
  const origins = labels[RUN_LABEL] === facts.origin && status !== 'pending-rollback';
  if (!ours && !origins)
    return { do: 'locked', why: `revision ${revision} is ${status}: another helm began it`, since };
  if (!facts.helmGone)
    return { do: 'locked', why: `revision ${revision} is ${status}: a helm is still at work on it`, since };
  return ours ? { do: 'drop', revision, status } : { do: 'mark', revision, status };
}

/** A revision with the old content that is newer than what this run saved before its first try. */
function isOurs(last: Release, target: RollbackTarget, { savedLast }: RollbackFacts): boolean {
  return savedLast !== undefined && last.revision > savedLast && contentSha(last) === target.contentSha;
}
