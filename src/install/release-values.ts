import type { BundleChart } from '../bundle/manifest.js';
import type { Settings } from '../runai/steps/types.js';
import { fillRegistry, type RegistryAddress } from './registry-address.js';
import { mergeValues, parseValuePath, type Values, valueAt, withValue } from './values.js';
import { applyOverrides, type Overrides } from './values-input.js';

/** Name of the pull secret by the vendor's convention. */
export const PULL_SECRET = 'runai-reg-creds';

/** What the values of a release are made from. */
export interface ValuesSources {
  readonly chart: BundleChart;
  /** The running release's own values; empty for a first install. */
  readonly running: Values;
  /** Absent when images stay where they are. */
  readonly registry?: RegistryAddress;
  /** Whether pods need the pull secret. */
  readonly pullSecret: boolean;
  readonly overrides: Overrides;
  /** Settings that the path to this version depends on, by dotted key; nothing goes over what is here. */
  readonly settings: Settings;
}

/**
 * The complete values of a release: what it has, then the image redirects, then what the operator gave, then what
 * the path demands. The result is all that helm gets (threats 114).
 */
export function releaseValues(sources: ValuesSources): Values {
  const { chart, registry, overrides, settings } = sources;
  let values = sources.running;
  if (registry) {
    for (const [key, template] of Object.entries(chart.imageValues))
      values = withValue(values, pathOf(key), fillRegistry(template, registry));
  }
  if (sources.pullSecret) values = withPullSecret(values);
  values = applyOverrides(values, overrides);
  for (const [key, setting] of Object.entries(settings)) values = withValue(values, pathOf(key), setting);
  return mergeValues({}, values);
}

function withPullSecret(values: Values): Values {
  const path = ['global', 'imagePullSecrets'];
  const present = valueAt(values, path);
  const list: readonly unknown[] = Array.isArray(present) ? present : [];
  if (list.some((entry) => valueAt(entry, ['name']) === PULL_SECRET)) return values;
  return withValue(values, path, [...list, { name: PULL_SECRET }]);
}

function pathOf(key: string) {
  return parseValuePath(key) ?? [key];
}
