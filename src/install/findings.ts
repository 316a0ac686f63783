import { AirgapError, type ErrorCode } from '../errors.js';
import type { FindingId } from './rows.js';

/** One thing that was checked before anything changes. */
export interface Finding<Id extends string = FindingId> {
  readonly id: Id;
  readonly title: string;
  readonly outcome: 'pass' | 'warn' | 'fail' | 'not-checked';
  /** What was seen; for not-checked: why not. */
  readonly seen: string;
  readonly expected?: string;
  /** What to do. */
  readonly advice?: string;
  /** The code that a failure leads to, when it is not PREFLIGHT_FAILED. */
  readonly code?: ErrorCode;
}

/** Name of a row, the same whatever its outcome. */
export type Row = Pick<Finding, 'id' | 'title'>;

/** @throws AirgapError PREFLIGHT_FAILED, or the code of the findings when all failures have the same one */
export function demandNoFailure(findings: readonly Finding<string>[]): void {
  const failed = findings.filter((finding) => finding.outcome === 'fail');
  if (failed.length === 0) return;
  const codes = new Set(failed.map((finding) => finding.code ?? 'PREFLIGHT_FAILED'));
  const [only] = codes;
  const code = codes.size === 1 && only !== undefined ? only : 'PREFLIGHT_FAILED';
  const advice = failed.length === 1 ? failed[0]?.advice : undefined;
  throw new AirgapError(code, `${failed.length} of ${findings.length} checks failed; nothing was changed`, {
    faults: failed.map((finding) => ({
      where: finding.title,
      what: finding.advice === undefined ? finding.seen : `${finding.seen}; to do: ${finding.advice}`,
      ...(finding.expected === undefined ? {} : { expected: finding.expected }),
    })),
    ...(advice === undefined ? {} : { hint: advice }),
  });
}
