import type { OpenBackup } from './archive/open.js';
import { readMark } from './marks.js';
import { allTotals } from './totals.js';
import type { InspectBackupReport } from './types.js';
import { textAt } from './value-at.js';

/** What a backup holds, by its manifest; its content is not read. */
export async function inspectBackup(backup: OpenBackup): Promise<InspectBackupReport> {
  const { manifest, path, size, encryption, backupId } = backup;
  const mark = await readMark(path);
  return {
    path,
    size,
    encryption,
    backupId,
    createdAt: manifest.createdAt,
    tool: manifest.tool,
    clusterUid: manifest.clusterUid,
    site: siteOf(manifest.meta),
    product: manifest.product,
    releases: manifest.releases,
    databases: manifest.databases.map((database) => ({
      ...database,
      size: backup.part(database.part)?.size ?? 0,
      rows: database.tables.reduce((sum, { rows }) => sum + rows, 0),
    })),
    onVolumes: allTotals({ databases: [], volumes: manifest.volumes }),
    volumes: manifest.volumes,
    parts: manifest.parts.map((part) => ({
      path: part.path,
      role: part.role,
      size: part.size,
      chunks: part.chunks?.length ?? 1,
      sha256: part.sha256,
    })),
    skipped: manifest.skipped,
    ...(mark ? { verifiedAt: mark.verifiedAt } : {}),
  };
}

function siteOf(meta: unknown): InspectBackupReport['site'] {
  const names = ['domain', 'kubernetes', 'platform'] as const;
  return Object.fromEntries(
    names.flatMap((name) => (textAt(meta, [name]) ? [[name, textAt(meta, [name])]] : [])),
  );
}
