import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import type { OpenBackup } from '../../src/recovery/archive/open.js';
import { demandOwnDatabase } from '../../src/recovery/external-restore.js';
import { RESTORE_CHOICES, type RestoreChoice } from '../../src/recovery/restore-types.js';

it('a backup of an external database is restored without it only, and the refusal says how', () => {
  const backup = (meta: Record<string, unknown>, databases: unknown[]): OpenBackup =>
    ({ manifest: { meta, databases } }) as unknown as OpenBackup;
  const external = { externalDatabase: { host: 'db1', port: 6543, database: 'backend' } };
  const dump = { name: 'backend', part: 'database/backend.dump', tables: [] };
  const all = new Set<RestoreChoice>(RESTORE_CHOICES);
  const without = new Set<RestoreChoice>(RESTORE_CHOICES.filter((choice) => choice !== 'database'));
  demandOwnDatabase({ backup: backup({}, [dump]), choices: all });
  demandOwnDatabase({ backup: backup(external, []), choices: all });
  demandOwnDatabase({ backup: backup(external, [dump]), choices: without });
  assert.throws(
    () => demandOwnDatabase({ backup: backup(external, [dump]), choices: all }),
    (error) =>
      isAirgapError(error, 'RESTORE_REFUSED') &&
      error.found === 'backend at db1:6543' &&
      /--skip database/.test(error.hint),
  );
});
