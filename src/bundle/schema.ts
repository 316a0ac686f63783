import * as v from 'valibot';
import { isDigest } from '../oci/digest.js';
import { isRepository, isTag } from '../oci/reference.js';
import type { Digest } from '../oci/types.js';
import { type Manifest, SCHEMA_VERSION } from './manifest.js';
import { pathFault } from './path.js';

/** Entries in one bundle; more is refused before positions are computed (threats 13). */
export const ENTRY_LIMIT = 50_000;

const LIST_LIMIT = 10_000;
/** Control characters and marks that turn the direction of text have no place in any field (threats 54). */
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const PLATFORM = /^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)?$/;
const KEY = /^[A-Za-z][\x21-\x7e]{0,255}$/;

const text = (most: number) =>
  v.pipe(
    v.string(),
    v.minLength(1, 'is empty'),
    v.maxLength(most, `is longer than ${most} characters`),
    v.check((value) => !UNSAFE.test(value), 'holds control characters'),
  );
const matching = (pattern: RegExp, expected: string) => v.pipe(v.string(), v.regex(pattern, expected));
const count = v.pipe(v.number(), v.safeInteger('is no integer within 2^53'), v.minValue(0, 'is negative'));
const hex = matching(/^[0-9a-f]{64}$/, 'is not 64 hex digits in lower case');
const digest = v.custom<Digest>(
  (value) => typeof value === 'string' && isDigest(value),
  'is not sha256:<64 hex digits>',
);
const platform = matching(PLATFORM, 'is not os/architecture[/variant]');
const version = matching(/^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$/, 'is not a version');
const name = matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'is not a name of letters, digits and ._-');
const path = v.pipe(
  v.string(),
  v.check(
    (value) => pathFault(value) === undefined,
    (issue) => pathFault(String(issue.input)) ?? '',
  ),
);
const list = <T extends v.GenericSchema>(item: T) =>
  v.pipe(v.array(item), v.maxLength(LIST_LIMIT, `has more than ${LIST_LIMIT} items`));

/** Keys of a free map are written in the order of their code units. */
const stringMap = v.pipe(
  v.record(matching(KEY, 'is not a key'), text(4096)),
  v.transform((map) => Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)))),
);

const descriptor = v.strictObject({
  mediaType: matching(/^[A-Za-z0-9][\x21-\x7e]{0,254}$/, 'is not a media type'),
  digest,
  size: count,
  platform: v.exactOptional(v.strictObject({ os: name, architecture: name, variant: v.exactOptional(name) })),
  artifactType: v.exactOptional(text(255)),
});

const image = v.strictObject({
  source: matching(/^[\x21-\x7e]{1,512}$/, 'is not an image reference'),
  target: v.pipe(v.string(), v.check(isTarget, 'is not repository:tag or repository@sha256:<hex>')),
  descriptor,
  platforms: list(platform),
  filteredFrom: v.exactOptional(digest),
  reasons: list(text(1024)),
});

const chart = v.strictObject({
  role: v.picklist(['control-plane', 'cluster', 'prerequisite'], 'is not a role'),
  release: name,
  namespace: name,
  name,
  version,
  appVersion: v.exactOptional(text(128)),
  path,
  imageValues: stringMap,
});

const tool = v.strictObject({ name, platform, path, version: v.exactOptional(version) });

const base = v.strictObject({
  bundleId: hex,
  version,
  blobs: v.pipe(v.array(v.strictObject({ digest, size: count })), v.maxLength(ENTRY_LIMIT)),
});

const entry = v.strictObject({ path, size: count, sha256: v.exactOptional(hex) });

/** The shape of airgap.json. The order of its keys is the order in which they are written. */
export const manifestSchema = v.strictObject({
  schemaVersion: v.literal(SCHEMA_VERSION),
  product: matching(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not a name of lower-case letters, digits and dashes'),
  version,
  sequence: v.exactOptional(count),
  minTool: matching(/^\d{1,5}\.\d{1,5}\.\d{1,5}$/, 'is not MAJOR.MINOR.PATCH'),
  platforms: list(platform),
  sourceDate: count,
  relocate: text(300),
  requires: stringMap,
  upgrade: v.exactOptional(v.strictObject({ from: text(128) })),
  charts: list(chart),
  crds: list(text(1024)),
  images: list(image),
  tools: list(tool),
  coverage: v.picklist(['rendered', 'not-checked'], 'is not rendered or not-checked'),
  base: v.exactOptional(base),
  entries: v.pipe(v.array(entry), v.maxLength(ENTRY_LIMIT, `has more than ${ENTRY_LIMIT} items`)),
}) satisfies v.GenericSchema<unknown, Manifest>;

/** `repository:tag` or `repository@sha256:<hex>`, without a registry. */
export function isTarget(value: string): boolean {
  const { repository, reference } = splitTarget(value);
  return isRepository(repository) && (isTag(reference) || isDigest(reference));
}

/** Splits a target at its tag or digest; either part is empty when the text has none. */
export function splitTarget(target: string): { repository: string; reference: string } {
  const at = target.indexOf('@');
  const cut = at >= 0 ? at : target.indexOf(':', target.lastIndexOf('/') + 1);
  if (cut < 0) return { repository: target, reference: '' };
  return { repository: target.slice(0, cut), reference: target.slice(cut + 1) };
}
