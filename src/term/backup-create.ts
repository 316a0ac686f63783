import type { BackupOutcome } from '../recovery/backup.js';
import { formatBytes } from './units.js';

/** The result of `backup create`, for people. */
export function formatCreated(outcome: BackupOutcome): string {
  const { facts, path, size, backupId, encryption, keyFile, verified, parts } = outcome;
  const { product, databases, volumes, skipped } = facts;
  const rows = (tables: readonly { readonly rows: number }[]): number =>
    tables.reduce((sum, each) => sum + each.rows, 0);
  const lines = [
    `backup     ${path}  (${formatBytes(size)})`,
    `id         ${backupId}`,
    `cluster    ${facts.clusterUid}`,
    `product    control plane ${product.controlPlane ?? 'none'}, cluster ${product.cluster ?? 'none'}`,
    ...databases.map(
      ({ name, tables }) => `database   ${name}: ${tables.length} tables, ${rows(tables)} rows`,
    ),
    ...volumes.map(
      ({ namespace, claim, method, by, files, bytes }) =>
        `volume     ${namespace}/${claim}: ${method === 'copy' ? `${files} files, ${formatBytes(bytes ?? 0)}` : `saved by ${by}`}`,
    ),
    ...skipped.map(({ what, why }) => `not in it  ${what}: ${why}`),
    `verified   ${parts} parts${verified.structure.some(({ state }) => state === 'header') ? '; dumps by their headers only (no pg_restore here)' : ''}`,
    encryption === 'plain'
      ? 'encrypted  no'
      : `encrypted  with ${encryption === 'passphrase' ? 'a passphrase' : 'age keys'}`,
    ...(keyFile === undefined
      ? []
      : [
          `key        ${keyFile}`,
          '           Without this key nobody can read the backup: keep a copy away from this host and cluster.',
        ]),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same for programs; no secrets. */
export function createdJson(outcome: BackupOutcome): Record<string, unknown> {
  const { facts, path, size, backupId, encryption, keyFile, verified, parts } = outcome;
  return {
    path,
    size,
    backupId,
    encryption,
    ...(keyFile === undefined ? {} : { keyFile }),
    parts,
    verified: verified.ok,
    structure: verified.structure,
    ...facts,
  };
}
