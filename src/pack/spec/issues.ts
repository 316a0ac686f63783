import type * as v from 'valibot';
import type { Path } from './positions.js';
import type { SpecFault } from './rules.js';
import { suggest } from './suggest.js';

type Issue = v.BaseIssue<unknown>;

/** Keys that people know from other tools, and what they are called here. */
const ALIASES: Readonly<Record<string, string>> = {
  chart: 'charts',
  repository: 'repo',
  tag: 'ref',
  image: 'ref',
  images: 'include',
  url: 'repo',
  checksum: 'sha256',
  digest: 'sha256',
  ns: 'namespace',
};

/** The faults of shape that valibot found, in our words. `schema` tells which keys a mapping may have. */
export function issueFaults(issues: readonly Issue[], schema: v.GenericSchema): SpecFault[] {
  return issues.map((issue) => issueFault(issue, schema));
}

function issueFault(issue: Issue, schema: v.GenericSchema): SpecFault {
  const path = pathOf(issue);
  const key = path.at(-1);
  if (issue.type === 'never' && typeof key === 'string') {
    const known = keysAt(schema, path.slice(0, -1));
    const alias = ALIASES[key];
    const meant = suggest(key, known) ?? (alias && known.includes(alias) ? alias : undefined);
    const what = `unknown key ${JSON.stringify(key)}${meant ? `, did you mean ${meant}?` : ''}`;
    return { path, at: 'key', what, expected: `one of ${known.join(', ')}` };
  }
  if (issue.received === 'undefined') {
    const wanted = schemaAt(schema, path)?.message;
    const what = `${String(key)} is missing`;
    return { path, at: 'value', what, ...(typeof wanted === 'string' ? { expected: wanted } : {}) };
  }
  return {
    path,
    at: 'value',
    what: 'is not as expected',
    expected: issue.message,
    found: shown(issue.input),
  };
}

function pathOf(issue: Issue): Path {
  return (issue.path ?? []).map((item) => {
    const key: unknown = item.key;
    return typeof key === 'number' ? key : String(key);
  });
}

/** The keys that the mapping at `path` may have. */
function keysAt(schema: v.GenericSchema, path: Path): string[] {
  return Object.keys(mappingOf(schemaAt(schema, path))?.entries ?? {});
}

function schemaAt(schema: v.GenericSchema, path: Path): SchemaLike | undefined {
  let at: unknown = schema;
  for (const step of path) at = typeof step === 'number' ? itemOf(at) : entryOf(at, step);
  return at === undefined ? undefined : unwrap(at);
}

interface SchemaLike {
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly item?: unknown;
  readonly wrapped?: unknown;
  readonly options?: readonly unknown[];
  readonly message?: unknown;
}

function entryOf(schema: unknown, key: string): unknown {
  return mappingOf(schema)?.entries?.[key];
}

function itemOf(schema: unknown): unknown {
  const like = unwrap(schema);
  return like.item ?? like.options?.map(unwrap).find((option) => option.item)?.item;
}

function mappingOf(schema: unknown): SchemaLike | undefined {
  const like = unwrap(schema);
  return like.entries ? like : like.options?.map(unwrap).find((option) => option.entries);
}

function unwrap(schema: unknown): SchemaLike {
  const like = (schema ?? {}) as SchemaLike;
  return like.wrapped === undefined ? like : unwrap(like.wrapped);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
