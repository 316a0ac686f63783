import type { Fault } from '../errors.js';
import { isAirgapError } from '../errors.js';
import { printable } from '../redact.js';
import { digestOf, parseDigest } from './digest.js';
import type { Descriptor, Digest, Platform } from './types.js';

/** Where a reader of a document puts what it finds wrong, and what is right but cannot travel. */
export interface FaultSink {
  readonly faults: Fault[];
  readonly unsupported: Fault[];
}

/**
 * Reads a descriptor (OCI image spec, descriptor.md) inside a document. Embedded `data` must be what the digest
 * says; `urls` mark content that lies elsewhere, which cannot travel.
 */
export function readDescriptor(value: unknown, where: string, sink: FaultSink): Descriptor | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    sink.faults.push({
      where,
      what: 'is not a descriptor',
      found: Array.isArray(value) ? 'list' : typeof value,
    });
    return undefined;
  }
  const raw = value as Record<string, unknown>;
  const digest = readDigest(raw.digest, `${where}.digest`, sink);
  const size = readSize(raw.size, `${where}.size`, sink);
  if (typeof raw.mediaType !== 'string' || raw.mediaType === '' || raw.mediaType.length > 255) {
    sink.faults.push({ where: `${where}.mediaType`, what: 'is missing or not a media type' });
  }
  const urls = readUrls(raw.urls, `${where}.urls`, sink);
  if (digest === undefined || size === undefined || typeof raw.mediaType !== 'string') return undefined;
  checkData(raw.data, { digest, size, where: `${where}.data` }, sink);
  const platform = readPlatform(raw.platform);
  const annotations = readAnnotations(raw.annotations);
  return {
    mediaType: raw.mediaType,
    digest,
    size,
    ...(platform ? { platform } : {}),
    ...(annotations ? { annotations } : {}),
    ...(typeof raw.artifactType === 'string' ? { artifactType: raw.artifactType } : {}),
    ...(urls ? { urls } : {}),
  };
}

function readDigest(value: unknown, where: string, sink: FaultSink): Digest | undefined {
  try {
    return parseDigest(typeof value === 'string' ? value : '');
  } catch (error) {
    const list = isAirgapError(error, 'IMAGE_UNSUPPORTED') ? sink.unsupported : sink.faults;
    list.push({
      where,
      what: 'is not a digest that can travel',
      expected: 'sha256:<64 hex digits>',
      found: printable(String(value), 160),
    });
    return undefined;
  }
}

function readSize(value: unknown, where: string, sink: FaultSink): number | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  const found = printable(String(value), 60);
  sink.faults.push({ where, what: 'is not a size', expected: 'whole bytes', found });
  return undefined;
}

function readUrls(value: unknown, where: string, sink: FaultSink): string[] | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  sink.unsupported.push({
    where,
    what: 'is foreign content that lies outside the registry',
    found: printable(String(value[0]), 200),
  });
  return value.map(String);
}

function checkData(
  value: unknown,
  expected: { digest: Digest; size: number; where: string },
  sink: FaultSink,
): void {
  if (value === undefined) return;
  const bytes = Buffer.from(typeof value === 'string' ? value : '', 'base64');
  const found = digestOf(bytes);
  if (bytes.length === expected.size && found === expected.digest) return;
  sink.faults.push({
    where: expected.where,
    what: 'does not match digest and size',
    expected: `${expected.digest}  (${expected.size} bytes)`,
    found: `${found}  (${bytes.length} bytes)`,
  });
}

function readPlatform(value: unknown): Platform | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { os, architecture, variant } = value as Record<string, unknown>;
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) };
}

function readAnnotations(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const pairs = Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string');
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}
