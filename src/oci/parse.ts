import { AirgapError, type Fault } from '../errors.js';
import { printable } from '../redact.js';
import { type FaultSink, readDescriptor } from './descriptor.js';
import { type Descriptor, MEDIA } from './types.js';

/** Bytes; the distribution spec asks registries to take manifests of 4 MiB. */
export const MANIFEST_LIMIT = 4 * 1024 * 1024;

/** An image, or an artifact in an image manifest: config and layers are opaque. */
export interface ImageManifest {
  readonly kind: 'image';
  readonly mediaType: typeof MEDIA.ociManifest | typeof MEDIA.dockerManifest;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly artifactType?: string;
  /** What this one is attached to; never followed, only carried. */
  readonly subject?: Descriptor;
}

export interface ImageIndex {
  readonly kind: 'index';
  readonly mediaType: typeof MEDIA.ociIndex | typeof MEDIA.dockerList;
  readonly manifests: readonly Descriptor[];
  readonly artifactType?: string;
  readonly subject?: Descriptor;
}

export type ParsedManifest = ImageManifest | ImageIndex;

const KINDS: Readonly<Record<string, ParsedManifest['kind']>> = {
  [MEDIA.ociManifest]: 'image',
  [MEDIA.dockerManifest]: 'image',
  [MEDIA.ociIndex]: 'index',
  [MEDIA.dockerList]: 'index',
};

/** True when the descriptor or answer names a kind of manifest that parseManifest reads. */
export function isManifestType(mediaType: string): boolean {
  return mediaType in KINDS;
}

/**
 * Reads the bytes of a manifest or index. `mediaType` is what the descriptor or the server says they are; a
 * document that says otherwise of itself is refused, and so is one that is image and index at once
 * (CVE-2021-41190).
 * @throws AirgapError IMAGE_INVALID with all faults, IMAGE_UNSUPPORTED for schema 1, sha512 and foreign layers
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string, what = 'manifest'): ParsedManifest {
  const document = readObject(bytes, what);
  const faults: Fault[] = [];
  const unsupported: Fault[] = [];
  const sink: FaultSink = { faults, unsupported };
  const kind = decideKind(document, mediaType, what, sink);
  const parsed = kind === undefined ? undefined : readBody(document, kind, sink);
  if (faults.length > 0) throw new AirgapError('IMAGE_INVALID', `${what} is not well formed`, { faults });
  if (unsupported.length > 0 || !parsed) {
    throw new AirgapError('IMAGE_UNSUPPORTED', `${what} cannot travel`, { faults: unsupported });
  }
  return parsed;
}

/** Every blob that an image manifest needs, config first. */
export function blobsOf(manifest: ImageManifest): Descriptor[] {
  return [manifest.config, ...manifest.layers];
}

function readObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  if (bytes.length > MANIFEST_LIMIT) {
    throw new AirgapError('IMAGE_INVALID', `${what} is too large`, {
      expected: `at most ${MANIFEST_LIMIT} bytes`,
      found: `${bytes.length} bytes`,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new AirgapError('IMAGE_INVALID', `${what} is not JSON`, {
      expected: 'a JSON object in UTF-8',
      found: printable(Buffer.from(bytes.subarray(0, 60)).toString('latin1'), 60),
      cause,
    });
  }
  if (isRecord(value)) return value;
  throw new AirgapError('IMAGE_INVALID', `${what} is not a JSON object`, { expected: 'a JSON object' });
}

/** The media type that governs: what was said from outside, else what the document says, else its shape. */
function decideKind(
  document: Record<string, unknown>,
  outside: string | undefined,
  what: string,
  sink: FaultSink,
): ParsedManifest['mediaType'] | undefined {
  const said = document.mediaType;
  const names = [outside, said].filter((name): name is string => typeof name === 'string');
  if (document.schemaVersion === 1 || names.some((name) => name.includes('distribution.manifest.v1'))) {
    throw new AirgapError('IMAGE_UNSUPPORTED', `${what} is of schema 1`, {
      expected: 'an OCI manifest or Docker schema 2',
      found: MEDIA.dockerSchema1,
      hint: 'push the image again with a current tool, which converts it; or exclude it in the spec',
    });
  }
  if (document.schemaVersion !== 2) sink.faults.push(fault('schemaVersion', '2', document.schemaVersion));
  if (said !== undefined && typeof said !== 'string')
    sink.faults.push(fault('mediaType', 'a string', typeof said));
  const governs = outside !== undefined && isManifestType(outside) ? outside : said;
  if (typeof governs === 'string' && typeof said === 'string' && governs !== said) {
    sink.faults.push(fault('mediaType', governs, said));
  }
  if ('manifests' in document && ('layers' in document || 'config' in document)) {
    sink.faults.push({ where: '(root)', what: 'is an index and an image at once' });
    return undefined;
  }
  if (governs === undefined) return 'manifests' in document ? MEDIA.ociIndex : MEDIA.ociManifest;
  if (typeof governs === 'string' && isManifestType(governs)) return governs as ParsedManifest['mediaType'];
  sink.unsupported.push(fault('mediaType', 'an OCI or Docker schema 2 manifest or index', governs));
  return undefined;
}

function readBody(
  document: Record<string, unknown>,
  mediaType: ParsedManifest['mediaType'],
  sink: FaultSink,
): ParsedManifest | undefined {
  const common = {
    ...(typeof document.artifactType === 'string' ? { artifactType: document.artifactType } : {}),
    ...(document.subject === undefined
      ? {}
      : pick('subject', readDescriptor(document.subject, 'subject', sink))),
  };
  if (mediaType === MEDIA.ociIndex || mediaType === MEDIA.dockerList) {
    const manifests = readList(document.manifests, 'manifests', sink);
    return { kind: 'index', mediaType, manifests, ...common };
  }
  const config = readDescriptor(document.config, 'config', sink);
  const layers = readList(document.layers, 'layers', sink);
  return config && { kind: 'image', mediaType, config, layers, ...common };
}

function readList(value: unknown, where: string, sink: FaultSink): Descriptor[] {
  if (!Array.isArray(value)) {
    sink.faults.push(fault(where, 'a list of descriptors', typeof value));
    return [];
  }
  return value.flatMap((item, index) => readDescriptor(item, `${where}[${index}]`, sink) ?? []);
}

function pick<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}

function fault(where: string, expected: string, found: unknown): Fault {
  return { where, what: 'is not as expected', expected, found: printable(String(found), 120) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
