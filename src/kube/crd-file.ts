import { AirgapError, type Fault } from '../errors.js';
import { DEFAULT_LIMITS, parseYamlDocuments } from '../yaml.js';
import type { KubeObject } from './types.js';

export interface CrdVersion {
  readonly name: string;
  readonly served?: boolean;
  readonly storage?: boolean;
  readonly [field: string]: unknown;
}

export interface CrdSpec {
  readonly group: string;
  readonly scope: string;
  readonly names: {
    readonly plural: string;
    readonly kind: string;
    readonly singular?: string;
    readonly listKind?: string;
  };
  readonly versions: readonly CrdVersion[];
  readonly conversion?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** A CustomResourceDefinition of apiextensions.k8s.io/v1, as it is sent: without status. */
export interface Crd extends KubeObject {
  readonly spec: CrdSpec;
}

/** Larger than any published file; they are 2.2 to 3.6 MB. */
const LIMITS = { ...DEFAULT_LIMITS, size: 64 * 1024 * 1024 };
const API_VERSION = 'apiextensions.k8s.io/v1';

/**
 * Reads a file of CRDs and takes out what many files carry by mistake: `status`, and `creationTimestamp: null`.
 * @param where the file's name, for messages
 * @throws AirgapError YAML_INVALID, CRDS_INVALID with every fault
 */
export function parseCrds(text: string, where: string): Crd[] {
  const documents = parseYamlDocuments(text, where, LIMITS);
  const faults: Fault[] = [];
  const seen = new Set<string>();
  for (const [index, document] of documents.entries()) {
    const place = `${where} document ${index + 1}`;
    const before = faults.length;
    faults.push(...faultsOf(document).map((what) => ({ where: place, what })));
    if (faults.length > before) continue;
    const { name } = (document as Crd).metadata;
    if (seen.has(name)) faults.push({ where: place, what: `${name} comes twice` });
    seen.add(name);
  }
  if (documents.length === 0) faults.push({ where, what: 'holds no CRD' });
  if (faults.length > 0) throw new AirgapError('CRDS_INVALID', `${where} cannot be used`, { faults });
  return (documents as Crd[]).map(stripped);
}

function faultsOf(document: unknown): string[] {
  if (!isRecord(document)) return ['is no object'];
  const { apiVersion, kind, metadata, spec } = document;
  if (kind !== 'CustomResourceDefinition') return [`is a ${String(kind)}, not a CustomResourceDefinition`];
  if (apiVersion !== API_VERSION) return [`is of ${String(apiVersion)}, not ${API_VERSION}`];
  const name = isRecord(metadata) ? metadata['name'] : undefined;
  if (typeof name !== 'string') return ['has no metadata.name'];
  if (!isRecord(spec) || !isRecord(spec['names']) || !Array.isArray(spec['versions']))
    return [`${name} has no complete spec`];
  const versions = spec['versions'] as readonly Partial<CrdVersion>[];
  if (versions.some((version) => !isRecord(version) || typeof version.name !== 'string'))
    return [`${name} has a version without a name`];
  const faults: string[] = [];
  const storage = versions.filter((version) => version.storage === true);
  if (storage.length !== 1) faults.push(`${name} has ${storage.length} storage versions, not one`);
  const { plural } = spec['names'] as { plural?: unknown };
  if (name !== `${String(plural)}.${String(spec['group'])}`)
    faults.push(
      `${name} is not named after its plural and group, ${String(plural)}.${String(spec['group'])}`,
    );
  return faults;
}

function stripped(crd: Crd): Crd {
  const { status: _status, ...rest } = crd;
  const { creationTimestamp, ...metadata } = crd.metadata;
  return {
    ...rest,
    spec: crd.spec,
    metadata: creationTimestamp === null || creationTimestamp === undefined ? metadata : crd.metadata,
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
