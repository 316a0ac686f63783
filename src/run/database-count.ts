/** One database, by what is in it. */
export interface CountedDatabase {
  readonly name: string;
  readonly tables: number;
  readonly rows: number;
}

/** What the product's database server held at one moment. */
export type DatabaseCount =
  | {
      readonly kind: 'counted';
      /** PostgreSQL's own identifier of the data directory: another one is another directory. */
      readonly server: string;
      readonly databases: readonly CountedDatabase[];
    }
  | { readonly kind: 'not-asked'; readonly why: string };

/** `3 databases, 47 tables, 1234 rows`, for people. */
export function describeCount(count: DatabaseCount): string {
  if (count.kind === 'not-asked') return `not asked: ${count.why}`;
  const sum = (key: 'tables' | 'rows'): number => count.databases.reduce((all, one) => all + one[key], 0);
  const { length } = count.databases;
  return `${length} ${length === 1 ? 'database' : 'databases'}, ${sum('tables')} tables, ${sum('rows')} rows`;
}
