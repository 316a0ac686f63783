import * as v from 'valibot';
import { parseStrictJson } from '../../bundle/json.js';
import { pathCollisions } from '../../bundle/path.js';
import { AirgapError, type Fault } from '../../errors.js';
import { printable } from '../../redact.js';
import { chunkCount, chunkPath, END_PATH, MANIFEST_PATH, PART_PATH_LIMIT } from './entries.js';
import { README_PATH } from './readme.js';
import { manifestSchema } from './schema.js';
import { type BackupManifest, SCHEMA_VERSION } from './types.js';

/** Bytes of the longest manifest that is written and read. */
export const MANIFEST_LIMIT = 64 * 1024 * 1024;

const LIMITS = { size: MANIFEST_LIMIT, depth: 16, values: 4_000_000 };
const FAULTS_SHOWN = 100;

/**
 * Writes a manifest: keys in declared order, one newline at the end. What is written is read again first, so that no
 * backup is finished that could not be opened.
 * @throws AirgapError BACKUP_INVALID with all faults
 */
export function serializeManifest(manifest: BackupManifest): Buffer {
  const plain: unknown = JSON.parse(JSON.stringify(manifest));
  const bytes = Buffer.from(`${JSON.stringify(check(plain), null, 1)}\n`);
  parseBackupManifest(bytes);
  return bytes;
}

/**
 * Reads the bytes of backup.json; only the very bytes that serializeManifest writes are taken.
 * @throws AirgapError BACKUP_INVALID with all faults
 */
export function parseBackupManifest(bytes: Buffer): BackupManifest {
  const result = parseStrictJson(bytes, MANIFEST_PATH, LIMITS);
  if (!result.ok) throw invalid([result.fault]);
  checkVersion(result.value);
  const manifest = check(result.value);
  if (Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`).equals(bytes)) return manifest;
  throw invalid([{ where: MANIFEST_PATH, what: 'is not in canonical form' }]);
}

/** Said before anything else is looked at: a newer format may mean anything. */
function checkVersion(value: unknown): void {
  const { schemaVersion, tool } = (typeof value === 'object' && value !== null ? value : {}) as {
    schemaVersion?: unknown;
    tool?: unknown;
  };
  if (!Number.isInteger(schemaVersion) || schemaVersion === SCHEMA_VERSION) return;
  throw new AirgapError('BACKUP_INVALID', 'the backup is of a format that this airgap does not read', {
    expected: `schemaVersion ${SCHEMA_VERSION}`,
    found: `schemaVersion ${schemaVersion}`,
    hint: `use airgap ${typeof tool === 'string' ? printable(tool, 40) : 'of the release that made the backup'}`,
  });
}

function check(value: unknown): BackupManifest {
  const result = v.safeParse(manifestSchema, value);
  if (!result.success) throw invalid(result.issues.map(issueFault));
  const faults = [...partFaults(result.output), ...referenceFaults(result.output)];
  if (faults.length > 0) throw invalid(faults);
  return result.output;
}

function partFaults({ parts }: BackupManifest): Fault[] {
  const faults: Fault[] = [];
  const fault = (index: number, what: string): unknown => faults.push({ where: `parts[${index}]`, what });
  if (parts[0]?.path !== README_PATH) fault(0, `is not ${README_PATH}`);
  parts.forEach(({ path, size, sha256, chunkSize, chunks }, index) => {
    if (path.length > PART_PATH_LIMIT) fault(index, `has a path longer than ${PART_PATH_LIMIT} bytes`);
    if (path === MANIFEST_PATH || path === END_PATH) fault(index, 'has a reserved path');
    if (chunkSize === undefined && chunks === undefined) return;
    if (chunkSize === undefined || chunks === undefined) fault(index, 'has chunkSize or chunks alone');
    else if (chunks.length !== chunkCount(size, chunkSize)) fault(index, 'has a wrong number of chunks');
    else if (chunks.at(-1) !== sha256) fault(index, 'differs from its last chunk');
  });
  const taken = parts.map(({ path, chunks }) => (chunks === undefined ? path : chunkPath(path, 0)));
  for (const { index, what } of pathCollisions([...taken, MANIFEST_PATH, END_PATH])) fault(index, what);
  return faults;
}

/** Databases and volumes name parts that are there. */
function referenceFaults({ parts, databases, volumes }: BackupManifest): Fault[] {
  const paths = new Set(parts.map(({ path }) => path));
  const faults: Fault[] = [];
  databases.forEach(({ part }, index) => {
    if (!paths.has(part)) faults.push({ where: `databases[${index}]`, what: 'has no dump', expected: part });
  });
  volumes.forEach(({ part, method }, index) => {
    if (method === 'copy' ? part === undefined || !paths.has(part) : part !== undefined && !paths.has(part)) {
      faults.push({ where: `volumes[${index}]`, what: 'has no copy', ...(part ? { expected: part } : {}) });
    }
  });
  return faults;
}

function issueFault(issue: v.BaseIssue<unknown>): Fault {
  return {
    where: (v.getDotPath(issue) ?? '(root)').replace(/\.(\d+)(?=\.|$)/g, '[$1]'),
    what: issue.message.startsWith('Invalid') ? 'is not as expected' : issue.message,
    ...(issue.expected === null ? {} : { expected: issue.expected }),
    found: printable(issue.received, 120),
  };
}

function invalid(faults: readonly Fault[]): AirgapError {
  return new AirgapError('BACKUP_INVALID', `${MANIFEST_PATH} is not well formed`, {
    faults: faults.slice(0, FAULTS_SHOWN),
    ...(faults.length > FAULTS_SHOWN ? { found: `${faults.length} faults` } : {}),
  });
}
