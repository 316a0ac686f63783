const SIDE = '_airgap_new';
const OLD = '_airgap_old';

/** The database that a dump is restored into. PostgreSQL cuts names at 63 bytes: what is cut here stays different. */
export const sideName = (database: string): string => cut(database, SIDE);

/** The name under which the database that was there stays. */
export const oldName = (database: string): string => cut(database, OLD);

function cut(name: string, suffix: string): string {
  let base = name;
  while (Buffer.byteLength(base) + suffix.length > 63) base = base.slice(0, -1);
  return base + suffix;
}
