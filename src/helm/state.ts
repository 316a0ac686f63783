import { type Fingerprint, parseFingerprint, RUN_LABEL, sameContent } from './fingerprint.js';
import { type DecodedRelease, isDecoded, type Release } from './release.js';

/** What decides about the next step on a release (threats.md, section 3). */
export interface StateFacts {
  /** All revisions that there are. */
  readonly revisions: readonly DecodedRelease[];
  /** The run at work; absent before there is one. */
  readonly runId?: string;
  readonly wanted: Pick<Fingerprint, 'chart' | 'values'>;
  /** True when no helm of this run can still be at work on the release. */
  readonly helmGone: boolean;
}

export type Decision =
  | { readonly do: 'install' }
  /** Chart and values are what is wanted. */
  | { readonly do: 'keep'; readonly revision: number }
  | { readonly do: 'upgrade'; readonly revision: number; readonly over: 'deployed' | 'failed' }
  /** Our own broken attempt: its Secret is marked failed, then it is upgraded over. */
  | { readonly do: 'repair'; readonly revision: number; readonly status: string }
  /** Somebody is at work on it, or was and left it pending. */
  | { readonly do: 'locked'; readonly why: string; readonly since: string }
  /** Nobody but the operator can know. */
  | { readonly do: 'ask'; readonly why: string };

/** The table of threats.md, section 3: from the last revision to what may be done. Pure. */
export function decide(facts: StateFacts): Decision {
  const sorted = [...facts.revisions].sort((a, b) => a.revision - b.revision);
  const last = sorted.at(-1);
  if (last === undefined) return { do: 'install' };
  if (!isDecoded(last)) {
    return { do: 'ask', why: `the record of revision ${last.revision} cannot be read: ${last.undecodable}` };
  }
  switch (last.status) {
    case 'deployed':
      return sameContent(facts.wanted, parseFingerprint(last.description))
        ? { do: 'keep', revision: last.revision }
        : { do: 'upgrade', revision: last.revision, over: 'deployed' };
    case 'failed':
      return { do: 'upgrade', revision: last.revision, over: 'failed' };
    case 'uninstalled':
      return { do: 'install' };
    case 'pending-install':
    case 'pending-upgrade':
    case 'pending-rollback':
      return pending(last, facts);
    case 'uninstalling':
      return { do: 'ask', why: `revision ${last.revision} is being uninstalled` };
    case 'superseded':
      return {
        do: 'ask',
        why: `revision ${last.revision} is the last one and superseded: a newer one is missing`,
      };
    default:
      return { do: 'ask', why: `revision ${last.revision} has a state that is not known` };
  }
}

function pending(last: Release, facts: StateFacts): Decision {
  const { revision, status } = last;
  const ours = facts.runId !== undefined && last.labels[RUN_LABEL] === facts.runId;
  if (ours && facts.helmGone) return { do: 'repair', revision, status };
  const by = ours ? 'a helm of this run is still at work on it' : 'another helm began it';
  return { do: 'locked', why: `revision ${revision} is ${status}: ${by}`, since: last.lastDeployed };
}
