import type { Release } from '../helm/release.js';
import { eraOf, versionOfRelease } from '../runai/era.js';
import { type Passwords, passwordValues } from '../runai/postgres.js';
import { parseKey } from '../runai/values/key.js';
import { type Translation, translateValues } from '../runai/values/translate.js';
import { crosses, parseVersion, type Version } from '../runai/version.js';
import { type Values, withValue } from './values.js';

export interface CarryInput {
  readonly role: 'control-plane' | 'cluster';
  /** The revision that runs. */
  readonly running: Release;
  /** Version of the chart that comes. */
  readonly target: string;
  /** Default values of the chart that comes; chart-defaults.ts. */
  readonly newDefaults?: Values;
  /** What the live secret of the database holds. */
  readonly passwords?: Passwords;
}

/**
 * The operator's values on their way to another version: keys of the target's era, and the database's passwords
 * as the data directory knows them where their keys change. Holds secrets.
 */
export function carryValues(input: CarryInput): Translation {
  const { running, role } = input;
  const { name, chart, values, defaults } = running;
  const source = versionOfRelease({ release: name, chart: chart.name, version: chart.version })?.version;
  const target = parseVersion(input.target);
  if (source === undefined || target === undefined) {
    return { values: { ...values }, translated: [], dropped: [], lost: [] };
  }
  const translation = translateValues(values, {
    role,
    source,
    target,
    oldDefaults: defaults,
    ...(input.newDefaults === undefined ? {} : { newDefaults: input.newDefaults }),
  });
  if (role === 'cluster' || !needsPasswords(source, target)) return translation;
  return { ...translation, values: withPasswords(translation.values, target, input.passwords ?? {}) };
}

/** The keys change with 2.9 (a new chart of PostgreSQL) and with 2.12 (global keys). */
function needsPasswords(source: Version, target: Version): boolean {
  return crosses(source, target, 2, 9) || crosses(source, target, 2, 12);
}

/** What the live secret says goes over what the values say: only the former surely fits the data. */
function withPasswords(values: Values, target: Version, passwords: Passwords): Record<string, unknown> {
  const family = eraOf(target)?.values ?? 'global';
  let result = values;
  for (const [key, value] of Object.entries(passwordValues(passwords, family))) {
    result = withValue(result, parseKey(key), value);
  }
  return { ...result };
}
