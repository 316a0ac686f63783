import type { VolumeFacts } from '../recovery/archive/types.js';
import type {
  InspectBackupReport,
  ListedBackup,
  StructureCheck,
  VerifyBackupReport,
} from '../recovery/types.js';
import { printable } from '../redact.js';
import { formatTable } from './table.js';
import { formatBytes, plural } from './units.js';

const ENCRYPTION = {
  plain: 'NOT encrypted: it holds passwords and keys for everybody who can read the file',
  recipients: 'encrypted for age recipients',
  passphrase: 'encrypted with a passphrase',
} as const;

/** The report of `backup verify` on a backup that is whole. */
export function formatBackupVerify(report: VerifyBackupReport): string {
  const lines = [
    `${report.path}: whole`,
    `  backup     ${report.backupId}`,
    `  made       ${report.createdAt} from cluster ${report.clusterUid}`,
    `  size       ${formatBytes(report.size)} in ${plural(report.parts, 'part')}, ${plural(report.entries, 'entry', 'entries')}`,
    `  encryption ${ENCRYPTION[report.encryption]}`,
    ...report.structure.map(structureLine),
  ];
  return `${lines.join('\n')}\n`;
}

/** The text of `backup inspect`. */
export function formatBackup(report: InspectBackupReport): string {
  const { product } = report;
  const head = [
    report.path,
    `  backup     ${report.backupId}`,
    `  made       ${report.createdAt} by airgap ${printable(report.tool)} from cluster ${printable(report.clusterUid)}`,
    `  site       ${siteText(report)}`,
    `  product    ${product.name}: control plane ${product.controlPlane ?? 'none'}, cluster ${product.cluster ?? 'none'}`,
    `  size       ${formatBytes(report.size)}, ${ENCRYPTION[report.encryption]}`,
    `  verified   ${report.verifiedAt ?? 'never on this host: airgap backup verify'}`,
  ];
  const sections = [
    section(
      'Releases',
      ['NAME', 'NAMESPACE', 'CHART', 'VERSION', 'BUNDLE'],
      report.releases.map((row) => [
        row.name,
        row.namespace,
        row.chart,
        row.version,
        row.bundleId?.slice(0, 12) ?? 'unknown',
      ]),
    ),
    section(
      'Databases',
      ['NAME', 'DUMP', 'SIZE', 'TABLES', 'ROWS'],
      [
        ...report.databases.map((row) => [
          row.name,
          row.part,
          formatBytes(row.size),
          String(row.tables.length),
          String(row.rows),
        ]),
        ...report.onVolumes.map(({ name, tables, rows }) => [
          name,
          'on its volume',
          '',
          String(tables),
          String(rows),
        ]),
      ],
    ),
    section(
      'Volumes',
      ['CLAIM', 'NAMESPACE', 'PURPOSE', 'HOW', 'SIZE'],
      report.volumes.map((row) => [
        row.claim,
        row.namespace,
        row.purpose,
        howSaved(row),
        row.bytes === undefined ? '' : formatBytes(row.bytes),
      ]),
    ),
    section(
      'Parts',
      ['PATH', 'ROLE', 'SIZE'],
      report.parts.map((row) => [row.path, row.role, formatBytes(row.size)]),
    ),
    section(
      'Not in this backup',
      ['WHAT', 'WHY'],
      report.skipped.map((row) => [row.what, row.why]),
    ),
  ];
  return `${[...head, ...sections.flat(), ...restoreLines(report)].join('\n')}\n`;
}

function siteText({ site: { domain, kubernetes, platform } }: InspectBackupReport): string {
  const on = [platform, kubernetes].filter((each) => each !== undefined).join(' ');
  return printable([domain ?? 'domain unknown', ...(on === '' ? [] : [`on ${on}`])].join(', '), 300);
}

/** What whoever stands before a cluster that burnt down looks for. */
function restoreLines({ path, encryption, product, releases }: InspectBackupReport): string[] {
  const keys = { plain: '', recipients: ' --identity KEYFILE', passphrase: ' --passphrase-file FILE' };
  const command = `airgap restore ${path}${keys[encryption]}`;
  const id = releases.find(({ bundleId }) => bundleId !== undefined)?.bundleId;
  const version = product.controlPlane ?? product.cluster;
  return [
    '',
    'To bring it back',
    `  needs the bundle of ${product.name} ${printable(version ?? 'the same version')}${id === undefined ? '' : ` (it was installed from ${id.slice(0, 12)})`}`,
    `  $ ${command} --bundle BUNDLE --dry-run`,
    '  and to prove it in a pod of its own, while the product runs',
    `  $ ${command} --drill`,
  ];
}

/** The text of `backup list`. */
export function formatBackupList(backups: readonly ListedBackup[]): string {
  if (backups.length === 0) return 'no backups here\n';
  const rows = backups.map((backup) => [
    backup.createdAt ?? '?',
    backup.state,
    backup.verifiedAt ?? 'no',
    formatBytes(backup.size),
    printable(backup.product?.controlPlane ?? ''),
    printable(backup.clusterUid ?? '').slice(0, 8),
    printable(backup.path, 300) + (backup.detail === undefined ? '' : `  (${printable(backup.detail, 200)})`),
  ]);
  const columns = ['MADE', 'STATE', 'VERIFIED', 'SIZE', 'VERSION', 'CLUSTER', 'FILE'].map((title) => ({
    title,
  }));
  return `${formatTable(columns, rows).join('\n')}\n`;
}

function howSaved({ method, by, meta }: VolumeFacts): string {
  if (method === 'site') return `by the site: ${by}`;
  if (method === 'snapshot') return `snapshot ${by}, handle ${meta?.['handle']} of ${meta?.['driver']}`;
  const changed = Array.isArray(meta?.['changed']) ? `, ${meta['changed'].length} changed while read` : '';
  return `copy${meta?.['cold'] === true ? ', cold' : ''}${changed}`;
}

const HOW: Readonly<Record<StructureCheck['state'], string>> = {
  listed: 'restorable, read to its end and listed by pg_restore',
  walked: 'restorable, read to its end by airgap alone',
  header: 'NOT looked into: header only',
  damaged: 'damaged',
};

function structureLine({ database, state, detail }: StructureCheck): string {
  return `  database   ${database}: ${HOW[state]}; ${printable(detail, 300)}`;
}

function section(title: string, names: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  const clean = rows.map((row) => row.map((cell) => printable(cell, 200)));
  const table = formatTable(
    names.map((name) => ({ title: name })),
    clean,
  );
  return ['', title, ...table.map((line) => `  ${line}`)];
}
