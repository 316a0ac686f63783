import { inRange, parseVersion, type Version } from '../../runai/version.js';
import { leastHelm } from '../../runai/windows.js';
import type { Finding } from '../findings.js';

export interface HelmFacts {
  /** 3.14.2 */
  readonly version: string;
  readonly path: string;
  /** What comes, and what runs. */
  readonly release?: Version;
  readonly source?: Version;
  /** `requires.helm` of the bundle; goes before the table. */
  readonly required?: string;
}

/** Whether this helm is one that the release's texts name. */
export function judgeHelm(facts: HelmFacts): Finding {
  const row = { id: 'helm.version', title: 'helm' } as const;
  const seen = `${facts.version} (${facts.path})`;
  const version = parseVersion(facts.version);
  if (version === undefined || facts.release === undefined) return { ...row, outcome: 'pass', seen };
  const range = facts.required ?? `>=${leastHelm(facts.release, facts.source)}`;
  const expected = facts.required === undefined ? range : `${range} (the bundle asks for it)`;
  const fits = inRange(version, range);
  if (fits === undefined)
    return { ...row, outcome: 'warn', seen, expected, advice: 'the range cannot be read; ask who packed it' };
  if (fits) return { ...row, outcome: 'pass', seen, expected };
  const advice = 'put a newer helm on PATH, or use the bundle’s: --helm bundle';
  return { ...row, outcome: 'fail', seen, expected, advice };
}
