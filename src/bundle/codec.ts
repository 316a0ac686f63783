import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { AirgapError, type Fault } from '../errors.js';
import { printable } from '../redact.js';
import { parseStrictJson } from './json.js';
import { type Manifest, NAMES, SCHEMA_VERSION, type VerifiedManifest } from './manifest.js';
import { manifestFaults } from './rules.js';
import { manifestSchema } from './schema.js';

/** Bytes of airgap.json, the longest that is read. */
export const MANIFEST_LIMIT = 16 * 1024 * 1024;

const LIMITS = { size: MANIFEST_LIMIT, depth: 8, values: 1_000_000 };
const FAULTS_SHOWN = 100;

/**
 * Writes a manifest: keys in declared order, indented by two, one newline at the end. The same manifest gives the
 * same bytes on every machine.
 * @throws AirgapError MANIFEST_INVALID with all faults
 */
export function serializeManifest(manifest: Manifest): Buffer {
  return Buffer.from(`${JSON.stringify(checkManifest(manifest), null, 2)}\n`);
}

/**
 * Reads the bytes of airgap.json. Only the very bytes that serializeManifest would write are taken, so that a
 * manifest has one form, and what was read is what was hashed (threats 38 to 40).
 * @param toolVersion the version of the airgap that reads
 * @throws AirgapError MANIFEST_INVALID with all faults, BUNDLE_FORMAT_UNKNOWN
 */
export function parseManifest(bytes: Buffer, toolVersion: string): VerifiedManifest {
  const result = parseStrictJson(bytes, NAMES.manifest, LIMITS);
  if (!result.ok) throw invalid([result.fault]);
  checkVersions(result.value, toolVersion);
  const manifest = checkManifest(result.value);
  const canonical = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  if (!canonical.equals(bytes)) throw invalid([differenceFault(canonical, bytes)]);
  return { manifest, bytes, bundleId: createHash('sha256').update(bytes).digest('hex') };
}

/** -1, 0 or 1 for MAJOR.MINOR.PATCH texts; a pre-release suffix is ignored. */
export function compareVersions(one: string, other: string): number {
  const parts = (text: string): number[] => text.split(/[-+]/, 1)[0]?.split('.').map(Number) ?? [];
  const [left, right] = [parts(one), parts(other)];
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return 0;
}

/** Said before anything else is looked at: a newer format may mean anything. */
function checkVersions(value: unknown, toolVersion: string): void {
  const { schemaVersion, minTool } = (typeof value === 'object' && value !== null ? value : {}) as {
    schemaVersion?: unknown;
    minTool?: unknown;
  };
  const needed =
    typeof minTool === 'string' && /^\d{1,5}\.\d{1,5}\.\d{1,5}$/.test(minTool) ? minTool : undefined;
  if (Number.isInteger(schemaVersion) && schemaVersion !== SCHEMA_VERSION) {
    throw new AirgapError(
      'BUNDLE_FORMAT_UNKNOWN',
      'the bundle is of a format that this airgap does not read',
      {
        expected: `schemaVersion ${SCHEMA_VERSION}`,
        found: `schemaVersion ${schemaVersion}`,
        hint: `use airgap ${needed ?? 'of the release that made the bundle'}${needed ? ' or newer' : ''}`,
      },
    );
  }
  if (needed !== undefined && compareVersions(toolVersion, needed) < 0) {
    throw new AirgapError('BUNDLE_FORMAT_UNKNOWN', 'the bundle needs a newer airgap', {
      expected: `airgap ${needed} or newer`,
      found: `airgap ${toolVersion}`,
      hint: `use airgap ${needed} or newer`,
    });
  }
}

function checkManifest(value: unknown): Manifest {
  const result = v.safeParse(manifestSchema, value);
  if (!result.success) throw invalid(result.issues.map(issueFault));
  const faults = manifestFaults(result.output);
  if (faults.length > 0) throw invalid(faults);
  return result.output;
}

function issueFault(issue: v.BaseIssue<unknown>): Fault {
  const where = (v.getDotPath(issue) ?? '(root)').replace(/\.(\d+)(?=\.|$)/g, '[$1]');
  const own = issue.message.startsWith('Invalid') ? 'is not as expected' : issue.message;
  return {
    where,
    what: own,
    ...(issue.expected === null ? {} : { expected: issue.expected }),
    found: printable(issue.received, 120),
  };
}

function differenceFault(canonical: Buffer, bytes: Buffer): Fault {
  let at = 0;
  while (at < bytes.length && bytes[at] === canonical[at]) at++;
  const around = (buffer: Buffer): string =>
    printable(JSON.stringify(buffer.toString('utf8', Math.max(0, at - 10), at + 30)), 80);
  return {
    where: NAMES.manifest,
    what: 'is not in canonical form',
    offset: at,
    expected: around(canonical),
    found: around(bytes),
  };
}

function invalid(faults: readonly Fault[]): AirgapError {
  const many = faults.length > FAULTS_SHOWN;
  return new AirgapError('MANIFEST_INVALID', `${NAMES.manifest} is not well formed`, {
    faults: many ? faults.slice(0, FAULTS_SHOWN) : faults,
    ...(many ? { found: `${faults.length} faults, the first ${FAULTS_SHOWN} are listed` } : {}),
  });
}
