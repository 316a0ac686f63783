import {
  boolYaml11Tag,
  CORE_SCHEMA,
  defineScalarTag,
  dump,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  YAMLException,
} from 'js-yaml';
import { AirgapError } from './errors.js';

/** Limits on untrusted YAML: threats 52. */
export interface YamlLimits {
  /** Bytes of UTF-8. */
  readonly size: number;
  readonly depth: number;
  readonly aliases: number;
}

export const DEFAULT_LIMITS: YamlLimits = { size: 8 * 1024 * 1024, depth: 64, aliases: 50 };

const DECIMAL = /^[-+]?[0-9]+$/;
const PREFIXED = /^([-+]?)0(?:b([01]+)|x([0-9a-fA-F]+)|o?([0-7]+))$/;

/**
 * Integers as Go's YAML library reads them, which kubectl and helm use: 0755 and 0o755 are octal,
 * underscores are allowed, 0x and 0b prefixes as usual.
 */
const goInt = defineScalarTag<number>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: [...'-+0123456789'],
  resolve: (source) => {
    const text = source.replaceAll('_', '');
    const prefixed = PREFIXED.exec(text);
    if (prefixed) return signed(prefixed[1], radixValue(prefixed[2], prefixed[3], prefixed[4]));
    return DECIMAL.test(text) ? Number(text) : NOT_RESOLVED;
  },
  identify: (data) => Number.isInteger(data) && !Object.is(data, -0),
  represent: (data) => String(data),
});

/** YAML as kubectl and helm read it: YAML 1.1 booleans and octals, merge keys, no dates, no sexagesimals. */
const KUBE_SCHEMA = CORE_SCHEMA.withTags(goInt, boolYaml11Tag, mergeTag);

/**
 * Reads all documents of a YAML (or JSON) text as kubectl would; empty documents are dropped.
 * @param where the file's name, for messages
 * @throws AirgapError YAML_INVALID with line and column
 */
export function parseYamlDocuments(
  text: string,
  where: string,
  limits: YamlLimits = DEFAULT_LIMITS,
): unknown[] {
  const size = Buffer.byteLength(text);
  if (size > limits.size) {
    throw new AirgapError('YAML_INVALID', `${where} is too large`, {
      expected: `at most ${limits.size} bytes`,
      found: `${size} bytes`,
    });
  }
  try {
    const options = {
      schema: KUBE_SCHEMA,
      maxDepth: limits.depth,
      maxAliases: limits.aliases,
      filename: where,
    };
    return loadAll(text, options).filter((document) => document !== null && document !== undefined);
  } catch (error) {
    if (!(error instanceof YAMLException)) {
      throw new AirgapError('YAML_INVALID', `${where} cannot be read as YAML`, { cause: error });
    }
    throw new AirgapError('YAML_INVALID', `${where}${position(error)}: ${error.reason ?? 'not valid YAML'}`, {
      cause: error,
    });
  }
}

/**
 * Reads a text that must hold exactly one document.
 * @throws AirgapError YAML_INVALID, also when there are several documents; an empty text gives undefined
 */
export function parseYaml(text: string, where: string, limits: YamlLimits = DEFAULT_LIMITS): unknown {
  const documents = parseYamlDocuments(text, where, limits);
  if (documents.length > 1) {
    throw new AirgapError('YAML_INVALID', `${where} holds several documents`, {
      expected: 'one document',
      found: `${documents.length} documents`,
    });
  }
  return documents[0];
}

/**
 * Writes a value as YAML that helm and kubectl read back as the same value: strings which look like a boolean
 * or a number to them are quoted.
 */
export function formatYaml(value: unknown): string {
  return dump(value, { schema: KUBE_SCHEMA, lineWidth: -1, noRefs: true });
}

function signed(sign: string | undefined, value: number): number {
  return sign === '-' ? -value : value;
}

function radixValue(binary?: string, hex?: string, octal?: string): number {
  if (binary !== undefined) return Number.parseInt(binary, 2);
  if (hex !== undefined) return Number.parseInt(hex, 16);
  return Number.parseInt(octal ?? '0', 8);
}

function position(error: YAMLException): string {
  return error.mark ? `:${error.mark.line + 1}:${error.mark.column + 1}` : '';
}
