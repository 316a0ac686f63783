import { crosses, type Version } from '../version.js';
import {
  formatKey,
  hasPlace,
  type Key,
  type Leaf,
  leavesOf,
  parseKey,
  sameValue,
  treeOf,
  type Values,
  valueAt,
} from './key.js';
import { CHART_DECIDED, type KeyRule, type Outcome, TRANSITIONS, type Transition } from './rules.js';

export interface TranslateOptions {
  readonly role: 'control-plane' | 'cluster';
  readonly source: Version;
  readonly target: Version;
  /** Default values of the new chart with those of its subcharts below their names; decides about keys in no rule. */
  readonly newDefaults?: Values;
  /** Default values of the chart that runs: what equals them is no customisation. */
  readonly oldDefaults?: Values;
}

/** A key of the operator's, and what became of it. Holds no values. */
export interface KeyReport {
  readonly key: string;
  /** Keys that its value went to; empty when it went nowhere. */
  readonly to: readonly string[];
  readonly why: string;
  /** The rule is a conclusion, not a text. */
  readonly inferred?: true;
}

export interface Translation {
  /** May hold secrets. */
  readonly values: Record<string, unknown>;
  /** Renamed, or made into several. */
  readonly translated: readonly KeyReport[];
  /** Not needed any more. */
  readonly dropped: readonly KeyReport[];
  /** Customisations without an equivalent: to be acknowledged before the upgrade. */
  readonly lost: readonly KeyReport[];
}

/** A value on its way through the transitions. */
interface Moving {
  readonly origin: string;
  readonly leaf: Leaf;
  readonly inferred: boolean;
  readonly why: string;
}

/**
 * Carries an operator's values to the keys of the target's era, transition by transition. Pure; the lists name
 * keys only, never values.
 */
export function translateValues(old: Values, options: TranslateOptions): Translation {
  const dropped: KeyReport[] = [];
  const lost: KeyReport[] = [];
  const lose = (moving: Moving, why: string): void => {
    const list = isDefault(moving, options) ? dropped : lost;
    list.push(report(moving, [], list === dropped ? 'the default of the chart that runs' : why));
  };
  let moving: Moving[] = leavesOf(old).map((leaf) => ({
    origin: formatKey(leaf.key),
    leaf,
    inferred: false,
    why: '',
  }));
  let strict = false;
  for (const transition of transitionsOf(options)) {
    strict ||= transition.rest === 'strict';
    moving = moving.flatMap((one) => {
      const found = transition.rules.find((rule) => matches(rule.from, one.leaf.key));
      if (found === undefined) return [one];
      const { outcome } = found;
      if ('dropped' in outcome) dropped.push(report(one, [], outcome.dropped));
      else if ('lost' in outcome) lose(one, outcome.lost);
      else {
        const moved = move(one, found, outcome);
        if (moved.length === 0) dropped.push(report(one, [], 'says what the new chart does by itself'));
        return moved;
      }
      return [];
    });
  }
  moving = moving.map((one) => chartDecides(one, options));
  const { kept, beaten } = settleConflicts(moving);
  for (const one of beaten) lose(one, 'another key of the old values says otherwise for the same new key');
  for (const one of kept) {
    const place =
      options.newDefaults === undefined
        ? !strict || one.why !== ''
        : hasPlace(options.newDefaults, one.leaf.key);
    if (!place)
      lose(
        one,
        options.newDefaults
          ? 'the new chart has no place for it'
          : 'no rule knows it, and the new chart was not at hand',
      );
  }
  const translated = kept
    .filter((one) => one.why !== '')
    .map((one) => report(one, [formatKey(one.leaf.key)], one.why));
  return { values: treeOf(kept.map((one) => one.leaf)), translated: merged(translated), dropped, lost };
}

function transitionsOf({ role, source, target }: TranslateOptions): Transition[] {
  return TRANSITIONS.filter((one) => one.role === role && crosses(source, target, 2, one.at));
}

function move(one: Moving, rule: KeyRule, outcome: Extract<Outcome, { to: unknown }>): Moving[] {
  const value = outcome.value ? outcome.value(one.leaf.value) : one.leaf.value;
  if (value === undefined) return [];
  const rest = rule.from.endsWith('**') ? one.leaf.key.slice(parseKey(rule.from).length - 1) : [];
  return outcome.to.map((target) => ({
    origin: one.origin,
    leaf: { key: [...parseKey(target), ...rest], value },
    inferred: one.inferred || outcome.inferred === true,
    why: rule.source,
  }));
}

function chartDecides(one: Moving, { newDefaults }: TranslateOptions): Moving {
  const key = formatKey(one.leaf.key);
  const rename = CHART_DECIDED.find(({ from }) => from === key);
  if (rename === undefined || newDefaults === undefined) return one;
  const to = parseKey(rename.to);
  if (hasPlace(newDefaults, one.leaf.key) || !hasPlace(newDefaults, to)) return one;
  return { ...one, leaf: { ...one.leaf, key: to }, inferred: true, why: 'renamed in the new chart' };
}

/** Of two old keys that end at one new key, the one nearer to it in name wins: the first in the old order's stead. */
function settleConflicts(moving: readonly Moving[]): { kept: Moving[]; beaten: Moving[] } {
  const kept = new Map<string, Moving>();
  const beaten: Moving[] = [];
  for (const one of moving) {
    const key = formatKey(one.leaf.key);
    const other = kept.get(key);
    if (other === undefined) kept.set(key, one);
    else if (!sameValue(other.leaf.value, one.leaf.value)) {
      const loser = one.origin.startsWith('global.db.') ? one : other;
      kept.set(key, loser === one ? other : one);
      beaten.push(loser);
    }
  }
  return { kept: [...kept.values()], beaten };
}

function isDefault(one: Moving, { oldDefaults }: TranslateOptions): boolean {
  if (oldDefaults === undefined) return false;
  const found = valueAt(oldDefaults, parseKey(one.origin));
  return found !== undefined && sameValue(found, one.leaf.value);
}

function report(one: Moving, to: readonly string[], why: string): KeyReport {
  return { key: one.origin, to, why, ...(one.inferred ? { inferred: true as const } : {}) };
}

/** One report for a key that went to several. */
function merged(reports: readonly KeyReport[]): KeyReport[] {
  const byKey = new Map<string, KeyReport>();
  for (const one of reports) {
    const other = byKey.get(one.key);
    byKey.set(one.key, other === undefined ? one : { ...other, to: [...other.to, ...one.to] });
  }
  return [...byKey.values()];
}

/** `*` is one segment; `**` at the beginning or the end is any number of them. */
function matches(pattern: string, key: Key): boolean {
  const parts = parseKey(pattern);
  const same = (part: string, segment: string | undefined): boolean =>
    segment !== undefined && (part === '*' || part === segment);
  if (parts[0] === '**') {
    const tail = parts.slice(1);
    return (
      key.length >= tail.length &&
      tail.every((part, index) => same(part, key[key.length - tail.length + index]))
    );
  }
  if (parts.at(-1) === '**') {
    const head = parts.slice(0, -1);
    return key.length > head.length && head.every((part, index) => same(part, key[index]));
  }
  return parts.length === key.length && parts.every((part, index) => same(part, key[index]));
}
