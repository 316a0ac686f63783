import { EXTERNAL_DATABASE, POSTGRES } from '../runai/postgres.js';
import { textAt, valueAt } from './value-at.js';

/** A PostgreSQL server of the customer's own, as the control plane's values name it. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** The product's database on it; others are not the product's. */
  readonly database: string;
  /** As libpq knows it: disable, require, verify-full… */
  readonly sslMode?: string;
  /** Certificates in PEM that the server's is checked with. */
  readonly ca?: string;
}

/**
 * The customer's own server; undefined when the product brings the database. Pure.
 * @param values effective values of the control plane's release
 */
export function externalDatabase(values: unknown): ServerAddress | undefined {
  const at = (path: string): unknown => valueAt(values, path.split('.'));
  if (at(EXTERNAL_DATABASE.enabled) !== false) return undefined;
  const port = Number(at(EXTERNAL_DATABASE.port) ?? POSTGRES.port);
  const sslMode = textAt(values, EXTERNAL_DATABASE.sslMode.split('.'));
  return {
    host: textAt(values, EXTERNAL_DATABASE.host.split('.')) ?? '',
    port: Number.isInteger(port) && port > 0 && port < 65_536 ? port : POSTGRES.port,
    database: textAt(values, EXTERNAL_DATABASE.database.split('.')) ?? POSTGRES.database,
    ...(sslMode === undefined ? {} : { sslMode }),
  };
}

/** `db1.example.com:5432`, for people. */
export function describeAddress({ host, port }: ServerAddress): string {
  return host === '' ? 'a host that the values do not name' : `${host}:${port}`;
}

/** Lines that begin a program of ours: where the server is. They come over standard input with it. */
export function addressLines(address: ServerAddress | undefined): string {
  if (!address) return '';
  const { host, port, sslMode, ca } = address;
  const lines = [
    `AIRGAP_HOST=${quote(host)}`,
    `export PGPORT=${quote(String(port))}`,
    ...(sslMode === undefined ? [] : [`export PGSSLMODE=${quote(sslMode)}`]),
    ...(ca === undefined
      ? []
      : [`printf '%s' ${quote(ca)} >/tmp/airgap-ca.pem`, 'export PGSSLROOTCERT=/tmp/airgap-ca.pem']),
  ];
  return `${lines.join('\n')}\n`;
}

/** As one word of a shell program. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
