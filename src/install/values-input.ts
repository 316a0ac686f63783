import { readFile } from 'node:fs/promises';
import { AirgapError, type Fault, isAirgapError, systemCode } from '../errors.js';
import { parseYaml } from '../yaml.js';
import { isMap, mergeValues, parseSetting, type Setting, type Values, withValue } from './values.js';

/** What an operator gives for one release. */
export interface ValuesInput {
  /** Values files; later ones win. */
  readonly files: readonly string[];
  /** KEY=VALUE; they win over files. */
  readonly settings: readonly string[];
}

/** Read and checked, ready to be laid over a release's values. */
export interface Overrides {
  readonly values: Values;
  readonly settings: readonly Setting[];
}

/** By role of the chart. */
export type AllOverrides = Readonly<Record<'control-plane' | 'cluster' | 'prerequisite', Overrides>>;

/** The operator's values and settings, by role of the chart. @throws AirgapError VALUES_INVALID */
export async function readAllOverrides(options: {
  readonly backend: ValuesInput;
  readonly clusterValues: ValuesInput;
}): Promise<AllOverrides> {
  return {
    'control-plane': await readOverrides(options.backend, '--backend-set'),
    cluster: await readOverrides(options.clusterValues, '--cluster-set'),
    prerequisite: { values: {}, settings: [] },
  };
}

/**
 * Reads values files and settings.
 * @throws AirgapError FILE_NOT_FOUND, VALUES_INVALID with every fault
 */
export async function readOverrides(input: ValuesInput, flag: string): Promise<Overrides> {
  const faults: Fault[] = [];
  let values: Values = {};
  for (const file of input.files) {
    const content = await readValues(file, faults);
    if (content) values = mergeValues(values, content);
  }
  const settings: Setting[] = [];
  for (const text of input.settings) {
    const setting = parseSetting(text);
    if (setting) settings.push(setting);
    // The text may hold a secret: only what stands before the sign is shown.
    else faults.push({ where: `${flag} ${text.split('=')[0]}`, what: 'is not KEY=VALUE with a dotted key' });
  }
  if (faults.length > 0) throw new AirgapError('VALUES_INVALID', 'values cannot be used', { faults });
  return { values, settings };
}

/** Values with the overrides on top. */
export function applyOverrides(values: Values, overrides: Overrides): Values {
  const merged = mergeValues(values, overrides.values);
  return overrides.settings.reduce((all, { path, value }) => withValue(all, path, value), merged);
}

async function readValues(file: string, faults: Fault[]): Promise<Values | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new AirgapError('FILE_NOT_FOUND', `values file ${file} cannot be read`, {
      found: systemCode(error) ?? String(error),
      cause: error,
    });
  }
  try {
    const content = parseYaml(text, file);
    if (content === undefined || isMap(content)) return content ?? {};
    faults.push({
      where: file,
      what: 'is no map of values',
      expected: 'key: value',
      found: typeName(content),
    });
  } catch (error) {
    if (!isAirgapError(error)) throw error;
    faults.push({ where: file, what: error.message });
  }
  return undefined;
}

function typeName(value: unknown): string {
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}
