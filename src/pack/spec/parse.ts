import { resolve } from 'node:path';
import * as v from 'valibot';
import { LineCounter, parseDocument } from 'yaml';
import { AirgapError, type Fault } from '../../errors.js';
import { parseReference } from '../../oci/reference.js';
import { printable } from '../../redact.js';
import { issueFaults } from './issues.js';
import { parseOrigin } from './origin.js';
import { createLocator, formatPath, type Locator } from './positions.js';
import { checkRules, type SpecFault } from './rules.js';
import { type RawChart, type RawFile, type RawImage, type RawSpec, specSchema } from './schema.js';
import type { ChartSource, ChartSpec, FileSpec, ImageSpec, Relocation, Spec } from './types.js';

/** Bytes; a spec that a human writes is far smaller. */
const LARGEST = 1024 * 1024;

/**
 * Reads a spec. Every fault is reported, each with file:line:column.
 * @param file its name, for messages
 * @param folder absolute; relative paths in the spec are below it
 * @throws AirgapError SPEC_INVALID
 */
export function parseSpec(text: string, file: string, folder: string): Spec {
  if (Buffer.byteLength(text) > LARGEST) {
    throw new AirgapError('SPEC_INVALID', `${file} is too large`, { expected: `at most ${LARGEST} bytes` });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const locator = createLocator(document, lines, file);
  const syntax = [...document.errors, ...document.warnings].map((error) => ({
    where: locator.ofOffset(error.pos[0]),
    what: printable(error.message, 300),
  }));
  if (syntax.length > 0) throw invalid(file, syntax);
  const value = plainValue(() => document.toJS({ maxAliasCount: 50 }), file);
  const shape = v.safeParse(specSchema, value);
  const found = [...issueFaults(shape.issues ?? [], specSchema), ...checkRules(value)];
  if (found.length > 0 || !shape.success) throw invalid(file, placed(found, locator));
  return normalise(shape.output, file, folder);
}

function normalise(raw: RawSpec, file: string, folder: string): Spec {
  const fileOf = (given: RawFile): FileSpec => {
    const sum = given.sha256 === undefined ? {} : { sha256: given.sha256 };
    if (given.url !== undefined) return { kind: 'url', url: given.url, ...sum };
    const path = given.path ?? '';
    return { kind: 'path', path: resolve(folder, path), given: path, ...sum };
  };
  return {
    file,
    product: raw.product,
    version: raw.version,
    ...(raw.sequence === undefined ? {} : { sequence: raw.sequence }),
    platforms: raw.platforms,
    ...(raw.sourceDate === undefined ? {} : { sourceDate: Math.floor(Date.parse(raw.sourceDate) / 1000) }),
    requires: defined(raw.requires ?? {}),
    ...(raw.upgrade === undefined ? {} : { upgrade: { from: raw.upgrade.from } }),
    charts: raw.charts.map((chart) => chartOf(chart, folder)),
    crds: (raw.crds ?? []).map(fileOf),
    images: {
      discover: raw.images?.discover ?? true,
      include: (raw.images?.include ?? []).map((image) => imageOf(image, folder)),
      exclude: (raw.images?.exclude ?? []).map(({ ref, reason }) => ({ pattern: ref, reason })),
    },
    relocate: relocationOf(raw.relocate),
    plainHttp: raw.plainHttp ?? [],
    tools: (raw.tools ?? []).map((tool) => ({
      name: tool.name,
      platform: tool.platform,
      source: fileOf(tool),
      ...(tool.version === undefined ? {} : { version: tool.version }),
    })),
  };
}

function chartOf(raw: RawChart, folder: string): ChartSpec {
  const values = raw.values === undefined ? [] : typeof raw.values === 'string' ? [raw.values] : raw.values;
  return {
    role: raw.role,
    release: raw.release,
    namespace: raw.namespace,
    source: chartSourceOf(raw, folder),
    values: values.map((path) => resolve(folder, path)),
    imageValues: raw.imageValues ?? {},
  };
}

function chartSourceOf(raw: RawChart, folder: string): ChartSource {
  const { repo, oci, name = '', version = '', path = '', credentials } = raw;
  if (repo !== undefined) {
    return { kind: 'repo', url: repo, name, version, ...(credentials ? { credentials } : {}) };
  }
  if (oci !== undefined) {
    return { kind: 'oci', reference: parseReference(oci.slice('oci://'.length)), given: oci, version };
  }
  return { kind: 'path', path: resolve(folder, path), given: path };
}

function imageOf(raw: RawImage, folder: string): ImageSpec {
  const from = raw.from === undefined ? undefined : parseOrigin(raw.from);
  return {
    ...(raw.ref === undefined ? {} : { ref: parseReference(raw.ref) }),
    ...(from === undefined ? {} : { from: { ...from, path: resolve(folder, from.path) } }),
    ...(raw.target === undefined ? {} : { target: raw.target }),
    ...(raw.reason === undefined ? {} : { reason: raw.reason }),
  };
}

function relocationOf(raw: RawSpec['relocate']): Relocation {
  if (typeof raw === 'object') return { rule: 'prefix', prefix: raw.prefix };
  return { rule: raw ?? 'flat' };
}

function placed(found: readonly SpecFault[], locator: Locator): Fault[] {
  const faults = found.map((fault) => {
    const place = fault.at === 'key' ? locator.ofKey(fault.path) : locator.ofValue(fault.path);
    const name = formatPath(fault.path);
    return {
      where: place,
      what: printable(name === '' ? fault.what : `${name}: ${fault.what}`, 500),
      ...(fault.expected === undefined ? {} : { expected: fault.expected }),
      ...(fault.found === undefined ? {} : { found: printable(fault.found, 200) }),
    };
  });
  return faults.sort((one, other) => lineOf(one.where) - lineOf(other.where));
}

function lineOf(where: string): number {
  const [line, column] = where.split(':').slice(-2).map(Number);
  return (line ?? 0) * 10_000 + (column ?? 0);
}

/** Aliases are expanded here, so a bomb shows itself here. */
function plainValue(read: () => unknown, file: string): unknown {
  try {
    return read();
  } catch (cause) {
    throw new AirgapError('SPEC_INVALID', `${file} cannot be expanded`, {
      found: cause instanceof Error ? printable(cause.message, 200) : String(cause),
      cause,
    });
  }
}

function invalid(file: string, faults: readonly Fault[]): AirgapError {
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  return new AirgapError('SPEC_INVALID', `${file} has ${count}`, { faults });
}

function defined(record: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const pairs = Object.entries(record).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return Object.fromEntries(pairs);
}
