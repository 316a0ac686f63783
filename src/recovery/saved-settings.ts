import type { OpenBackup } from './archive/open.js';
import { SETTINGS_ROLE } from './dump-databases.js';
import type { DatabaseSettings } from './dump-report.js';

/** Settings of the database itself, as they were saved; a secret. Backups of earlier versions have none. */
export async function savedSettings(
  { backup }: { readonly backup: OpenBackup },
  database: string,
): Promise<DatabaseSettings | undefined> {
  const part = backup.manifest.parts.find(
    ({ role, meta }) => role === SETTINGS_ROLE && meta?.['database'] === database,
  );
  return part && (JSON.parse((await backup.read(part.path)).toString('utf8')) as DatabaseSettings);
}
