import * as v from 'valibot';
import { pathFault } from '../../bundle/path.js';
import { type BackupManifest, type Json, KIND, SCHEMA_VERSION } from './types.js';

/** Entries of one backup; with chunks of 8 MiB this is 3 TB. */
export const ENTRY_LIMIT = 400_000;

/** PostgreSQL names and Kubernetes names may hold much; control characters and turned text have no place (threats 54). */
const UNSAFE = /[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const LIST_LIMIT = 100_000;

const text = (most = 1024) =>
  v.pipe(
    v.string(),
    v.minLength(1, 'is empty'),
    v.maxLength(most, `is longer than ${most} characters`),
    v.check((value) => !UNSAFE.test(value), 'holds control characters'),
  );
const matching = (pattern: RegExp, expected: string) => v.pipe(v.string(), v.regex(pattern, expected));
const count = v.pipe(v.number(), v.safeInteger('is no integer within 2^53'), v.minValue(0, 'is negative'));
const hex = matching(/^[0-9a-f]{64}$/, 'is not 64 hex digits in lower case');
const list = <T extends v.GenericSchema>(item: T, most = LIST_LIMIT) =>
  v.pipe(v.array(item), v.maxLength(most, `has more than ${most} items`));
const meta = v.custom<{ readonly [key: string]: Json | undefined }>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'is no object',
);
const path = v.pipe(
  v.string(),
  v.check(
    (value) => pathFault(value) === undefined,
    (issue) => pathFault(String(issue.input)) ?? '',
  ),
);

const release = v.strictObject({
  name: text(),
  namespace: text(),
  chart: text(),
  version: text(),
  appVersion: v.exactOptional(text()),
  bundleId: v.exactOptional(hex),
});

/** PostgreSQL allows any character but NUL in a name; what is shown is made printable there. */
const sqlName = v.pipe(v.string(), v.minLength(1, 'is empty'), v.maxLength(256));

const database = v.strictObject({
  name: sqlName,
  part: path,
  format: v.picklist(['custom', 'plain'], 'is not custom or plain'),
  serverVersion: v.exactOptional(text()),
  dumpVersion: v.exactOptional(text()),
  tables: list(v.strictObject({ schema: sqlName, name: sqlName, rows: count })),
  meta: v.exactOptional(meta),
});

const volume = v.strictObject({
  claim: text(),
  namespace: text(),
  purpose: text(),
  method: v.picklist(['copy', 'snapshot', 'site'], 'is not copy, snapshot or site'),
  part: v.exactOptional(path),
  by: v.exactOptional(text()),
  files: v.exactOptional(count),
  bytes: v.exactOptional(count),
  meta: v.exactOptional(meta),
});

const part = v.strictObject({
  path,
  role: matching(/^[a-z][a-z0-9-]{0,62}$/, 'is not lower-case words with dashes'),
  size: count,
  sha256: hex,
  meta: v.exactOptional(meta),
  chunkSize: v.exactOptional(v.pipe(count, v.minValue(1, 'is zero'))),
  chunks: v.exactOptional(list(hex, ENTRY_LIMIT)),
});

/** The shape of backup.json. The order of its keys is the order in which they are written. */
export const manifestSchema = v.strictObject({
  schemaVersion: v.literal(SCHEMA_VERSION),
  kind: v.literal(KIND),
  createdAt: matching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/, 'is not a time in UTC'),
  tool: text(),
  clusterUid: text(),
  product: v.strictObject({
    name: text(),
    controlPlane: v.exactOptional(text()),
    cluster: v.exactOptional(text()),
  }),
  releases: list(release),
  databases: list(database),
  volumes: list(volume),
  skipped: list(v.strictObject({ what: text(), why: text() })),
  meta,
  parts: list(part, ENTRY_LIMIT),
}) satisfies v.GenericSchema<unknown, BackupManifest>;
