import { createHash } from 'node:crypto';
import { AirgapError, type Fault } from '../errors.js';
import { printable } from '../redact.js';
import { parseYamlDocuments, type YamlLimits } from '../yaml.js';
import { asList, asRecord } from './loose.js';

/** One file of CRDs, as it was read. */
export interface CrdFile {
  /** Path or address as the spec has it. */
  readonly origin: string;
  readonly bytes: Buffer;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** What runai-crds.yaml becomes. */
export interface JoinedCrds {
  readonly bytes: Buffer;
  readonly sha256: string;
  /** Names of the CRDs, in order. */
  readonly names: readonly string[];
}

/** The product's CRD files are 3 to 5 MB, and their schemas nest deeper than other documents. */
export const CRD_LIMITS: YamlLimits = { size: 32 * 1024 * 1024, depth: 200, aliases: 50 };

/**
 * Joins CRD files: one stays byte for byte, several are joined with --- in order. Every document must be a
 * CustomResourceDefinition, each name only once.
 * @throws AirgapError CRDS_INVALID with every fault, YAML_INVALID
 */
export function joinCrds(files: readonly CrdFile[]): JoinedCrds {
  const faults: Fault[] = [];
  const owners = new Map<string, string>();
  for (const file of files) {
    const documents = parseYamlDocuments(decode(file), file.origin, CRD_LIMITS);
    if (documents.length === 0)
      faults.push({ where: file.origin, what: 'holds no CustomResourceDefinition' });
    documents.forEach((document, index) => {
      const name = crdName(document, { where: `${file.origin}, document ${index + 1}`, faults });
      const owner = name === undefined ? undefined : owners.get(name);
      if (name !== undefined && owner !== undefined) {
        faults.push({ where: file.origin, what: `${name} is there twice`, found: `also in ${owner}` });
      } else if (name !== undefined) owners.set(name, file.origin);
    });
  }
  if (faults.length > 0) throw new AirgapError('CRDS_INVALID', 'the CRDs cannot be carried', { faults });
  const bytes = joinBytes(files.map((file) => file.bytes));
  return { bytes, sha256: createHash('sha256').update(bytes).digest('hex'), names: [...owners.keys()] };
}

interface Place {
  readonly where: string;
  readonly faults: Fault[];
}

function crdName(document: unknown, { where, faults }: Place): string | undefined {
  const { kind, apiVersion, metadata, spec } = asRecord(document);
  const name = asRecord(metadata).name;
  const shown = printable(`${String(kind ?? 'no kind')} ${String(name ?? '')}`.trim(), 120);
  if (kind !== 'CustomResourceDefinition') {
    faults.push({ where, what: 'is no CustomResourceDefinition', found: shown });
    return undefined;
  }
  if (apiVersion !== 'apiextensions.k8s.io/v1') {
    faults.push({
      where,
      what: `${shown} has an API version that Kubernetes no longer serves`,
      expected: 'apiextensions.k8s.io/v1',
      found: printable(String(apiVersion), 80),
    });
  }
  if (typeof name !== 'string' || name === '' || asList(asRecord(spec).versions).length === 0) {
    faults.push({ where, what: 'has no name or no versions', found: shown });
    return undefined;
  }
  return name;
}

function joinBytes(parts: readonly Buffer[]): Buffer {
  if (parts.length <= 1) return parts[0] ?? Buffer.alloc(0);
  const pieces = parts.flatMap((part, index) => {
    const newline = part.at(-1) === 0x0a ? '' : '\n';
    const separator = index === 0 || startsWithMarker(part) ? '' : '---\n';
    return [Buffer.from(separator), part, Buffer.from(newline)];
  });
  return Buffer.concat(pieces);
}

/** A file that begins with --- brings its own separator; comments before it do not matter. */
function startsWithMarker(part: Buffer): boolean {
  const lines = part
    .subarray(0, 64 * 1024)
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .split('\n');
  const first = lines.find((line) => line.trim() !== '' && !line.startsWith('#'));
  return first !== undefined && /^---(\s|$)/.test(first);
}

function decode(file: CrdFile): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file.bytes);
  } catch (cause) {
    throw new AirgapError('CRDS_INVALID', `${file.origin} is not UTF-8 text`, { cause });
  }
}
