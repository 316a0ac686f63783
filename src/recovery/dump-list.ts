import type { TableFacts } from './archive/types.js';

/**
 * Tables with recorded rows whose data the table of contents of a dump (pg_restore --list) does not have. Lines read
 * `id; oid oid TABLE DATA schema name owner`; names with spaces or line ends are printed as they are, so that they
 * are looked for as whole texts. The data of partitions stands under their own names.
 */
export function missingTables(list: string, tables: readonly TableFacts[]): string[] {
  const lines = list.split('\n').filter((line) => /^\d+; \d+ \d+ TABLE DATA /.test(line));
  const found = lines.map((line) => line.replace(/^\d+; \d+ \d+ TABLE DATA /, ''));
  const exact = new Set(found.map((rest) => rest.slice(0, rest.lastIndexOf(' '))));
  return tables
    .filter(({ rows }) => rows > 0)
    .map(({ schema, name }) => `${schema} ${name}`.replace(/[\r\n]/g, ' '))
    .filter((wanted) => !exact.has(wanted) && !found.some((rest) => rest.startsWith(`${wanted} `)));
}
