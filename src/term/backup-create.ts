import type { VolumeFacts } from '../recovery/archive/types.js';
import type { BackupOutcome } from '../recovery/backup.js';
import type { BackupView } from '../recovery/backup-view.js';
import { printable, redact } from '../redact.js';
import { stepLines } from './plan.js';
import { formatBytes, plural } from './units.js';

/** What a backup would hold, and the outage that it needs. */
export function formatBackupView({ cluster, rows, plan }: BackupView): string {
  const lines = [
    `backup of ${cluster.context}, ${cluster.server}, UID ${cluster.uid}`,
    ...rows.map(({ what, how }) => `  ${what.padEnd(10)} ${how}`),
    ...(plan ? ['', `Outage, ${plural(plan.steps.length, 'step')}`, ...plan.steps.flatMap(stepLines)] : []),
  ];
  return `${lines.map((line) => printable(redact(line), 4000)).join('\n')}\n`;
}

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
    ...volumes.map((volume) => `volume     ${volume.namespace}/${volume.claim}: ${volumeText(volume)}`),
    ...skipped.map(({ what, why }) => `not in it  ${printable(`${what}: ${why}`, 500)}`),
    `verified   ${plural(parts, 'part')}${structureText(verified)}`,
    encryption === 'plain'
      ? 'encrypted  no'
      : `encrypted  with ${encryption === 'passphrase' ? 'a passphrase' : 'age keys'}`,
    ...(keyFile === undefined
      ? []
      : [
          `key        ${keyFile}`,
          '           Without this key nobody can read the backup: keep a copy away from this host and cluster.',
        ]),
    ...outcome.expired.map((file) => `deleted    ${file}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** How the dumps were looked into; each in the weakest way that one of them was. */
function structureText({ structure }: BackupOutcome['verified']): string {
  const states = new Set(structure.map(({ state }) => state));
  if (states.has('header')) return '; dumps BY THEIR HEADERS ONLY (a format that is newer than airgap)';
  if (states.has('walked')) return '; dumps read to their ends by airgap alone (no pg_restore for them here)';
  return states.size === 0 ? '' : '; dumps read to their ends, and listed by pg_restore';
}

function volumeText({ method, by, files, bytes, meta }: VolumeFacts): string {
  if (method === 'site') return `saved by ${printable(by ?? '')}`;
  if (method === 'snapshot')
    return `snapshot ${by} (handle ${printable(String(meta?.['handle']))} of ${printable(String(meta?.['driver']))})`;
  const changed = Array.isArray(meta?.['changed']) ? `, ${meta['changed'].length} changed while read` : '';
  return `${files} files, ${formatBytes(bytes ?? 0)}${meta?.['cold'] === true ? ', cold' : ''}${changed}`;
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
    ...(outcome.expired.length === 0 ? {} : { expired: outcome.expired }),
    ...facts,
  };
}
