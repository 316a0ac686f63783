import { SOURCES } from './sources.js';

/** Where the database runs, in every era. */
export const POSTGRES = {
  namespace: 'runai-backend',
  pod: 'runai-backend-postgresql-0',
  service: 'runai-backend-postgresql',
  secret: 'runai-backend-postgresql',
  database: 'backend',
  superuser: 'postgres',
  port: 5432,
} as const;

/** Keys of the secret by the generation of its chart; which one an era has is inferred, so all are probed. */
export const PASSWORD_KEYS = {
  old: { user: 'postgresql-password', superuser: 'postgresql-postgres-password' },
  new: { user: 'password', superuser: 'postgres-password' },
} as const;

export interface Passwords {
  readonly user?: string;
  readonly superuser?: string;
}

/** Reads the passwords from a secret's decoded data, under the keys of either generation, the newer first. */
export function passwordsIn(data: Readonly<Record<string, string>>): Passwords {
  const user = data[PASSWORD_KEYS.new.user] ?? data[PASSWORD_KEYS.old.user];
  const superuser = data[PASSWORD_KEYS.new.superuser] ?? data[PASSWORD_KEYS.old.superuser];
  return { ...(user === undefined ? {} : { user }), ...(superuser === undefined ? {} : { superuser }) };
}

/**
 * Values that make a chart's secret hold the passwords that the data directory was made with. The result holds
 * secrets: it goes into a values file of the run (0600) and nowhere else.
 * @param family the values family of the target's era
 */
export function passwordValues(
  passwords: Passwords,
  family: 'old' | 'middle' | 'global',
): Record<string, string> {
  const keys = VALUE_KEYS[family];
  const values: Record<string, string> = {};
  if (passwords.user !== undefined) values[keys.user] = passwords.user;
  if (passwords.superuser !== undefined) for (const key of keys.superuser) values[key] = passwords.superuser;
  return values;
}

/** Dotted keys of the passwords by values family. */
export const VALUE_KEYS = {
  old: { user: 'postgresql.postgresqlPassword', superuser: ['postgresql.postgresqlPostgresPassword'] },
  middle: { user: 'postgresql.auth.password', superuser: ['postgresql.auth.postgresPassword'] },
  global: {
    user: 'global.postgresql.auth.password',
    superuser: ['global.postgresql.auth.postgresPassword', 'postgresql.primary.initdb.password'],
  },
} as const;

/** Where to look for the password of a database, in this order; the values come last. */
export const PASSWORD_ORDER = [
  { where: 'the secret named by global.postgresql.auth.existingSecret', source: SOURCES.inferred },
  { where: 'secret runai-backend-postgresql, all four keys', source: SOURCES.inferred },
  { where: 'the values of the release', source: SOURCES.backupPage },
] as const;

/** Values keys that say the database is the customer's own. */
export const EXTERNAL_DATABASE = {
  enabled: 'postgresql.enabled',
  auth: 'global.postgresql.auth',
  host: 'global.postgresql.auth.host',
  port: 'global.postgresql.auth.port',
  database: 'global.postgresql.auth.database',
  sslMode: 'global.postgresql.auth.dbSslMode',
  leastVersion: 16,
} as const;
