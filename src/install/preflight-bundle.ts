import type { Manifest } from '../bundle/manifest.js';
import { PRODUCT } from '../runai/names.js';
import type { Finding } from './findings.js';

/** What the cluster has accepted so far. */
export interface SeenSequence {
  readonly sequence: number;
}

export interface BundleFacts {
  readonly manifest: Manifest;
  /** Absent when no run on this cluster is remembered. */
  readonly seen?: SeenSequence;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The very version that the operator lets go back. */
  readonly allowDowngrade?: string;
  /** Days. */
  readonly maxAge?: number;
  readonly acknowledged: readonly string[];
}

/** A step as large as this is no release after the last one (threats 31). */
const LEAP = 1000;
const DAY = 24 * 60 * 60 * 1000;
/** Days after which somebody should ask whether there is a newer one (threats 32). */
const OLD = 548;

/** Whether this is a bundle for this site at all: product, and no step back, leap or old age. Pure. */
export function judgeBundle(facts: BundleFacts): Finding[] {
  return [...product(facts), ...sequence(facts), ...age(facts)];
}

function product({ manifest }: BundleFacts): Finding[] {
  if (manifest.product === PRODUCT) return [];
  return [
    {
      id: 'bundle.product',
      title: 'product of the bundle',
      outcome: 'fail',
      seen: manifest.product,
      expected: PRODUCT,
      advice: `nothing is known about installing ${manifest.product}`,
      code: 'BUNDLE_WRONG',
    },
  ];
}

function sequence({ manifest, seen, allowDowngrade, acknowledged }: BundleFacts): Finding[] {
  const row = { id: 'bundle.sequence', title: 'sequence of the bundle' } as const;
  const own = manifest.sequence;
  if (seen === undefined) return [];
  const highest = `the cluster saw sequence ${seen.sequence}`;
  if (own === undefined) {
    const advice = 'ask for a bundle with a sequence';
    return [{ ...row, outcome: 'warn', seen: `${highest}; this bundle has none to compare`, advice }];
  }
  const both = `${highest}, this is ${own}`;
  if (own < seen.sequence) {
    if (allowDowngrade === manifest.version)
      return [{ ...row, outcome: 'warn', seen: both, advice: 'accepted with --allow-downgrade' }];
    return [
      {
        ...row,
        outcome: 'fail',
        seen: both,
        expected: `at least ${seen.sequence}`,
        advice: `take a newer bundle; if this very version is meant: --allow-downgrade=${manifest.version}`,
        code: 'DECISION_NEEDED',
      },
    ];
  }
  const id = `bundle.sequence@${own}`;
  if (own - seen.sequence > LEAP && !acknowledged.includes(id)) {
    return [
      {
        ...row,
        outcome: 'fail',
        seen: both,
        expected: `at most ${seen.sequence + LEAP}`,
        advice: `ask the vendor whether this sequence is right: nothing older is accepted afterwards; then --acknowledge=${id}`,
        code: 'DECISION_NEEDED',
      },
    ];
  }
  return [{ ...row, outcome: 'pass', seen: both }];
}

function age({ manifest, now, maxAge }: BundleFacts): Finding[] {
  const row = { id: 'bundle.age', title: 'age of the bundle' } as const;
  if (manifest.sourceDate === 0) {
    if (maxAge === undefined) return [];
    const advice = 'leave --max-age out, or ask for a bundle with a date';
    return [{ ...row, outcome: 'fail', seen: 'the bundle has no date', advice, code: 'DECISION_NEEDED' }];
  }
  const days = Math.floor((now - manifest.sourceDate * 1000) / DAY);
  const seen = `${days} days, from ${new Date(manifest.sourceDate * 1000).toISOString().slice(0, 10)}`;
  const advice = 'ask whether there is a newer release';
  if (maxAge !== undefined && days > maxAge) {
    const expected = `at most ${maxAge} days (--max-age)`;
    return [{ ...row, outcome: 'fail', seen, expected, advice, code: 'DECISION_NEEDED' }];
  }
  return [{ ...row, outcome: days > OLD ? 'warn' : 'pass', seen, ...(days > OLD ? { advice } : {}) }];
}
