import assert from 'node:assert/strict';
import { it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import type { OpenBackup } from '../../src/recovery/archive/open.js';
import { demandWord } from '../../src/recovery/external-restore.js';
import { RESTORE_CHOICES, type RestoreChoice } from '../../src/recovery/restore-types.js';

it('a backup of an external database needs a word to be restored there, and the refusal says which', () => {
  const backup = (meta: Record<string, unknown>, databases: unknown[]): OpenBackup =>
    ({ manifest: { meta, databases } }) as unknown as OpenBackup;
  const external = { externalDatabase: { host: 'db1', port: 6543, database: 'backend' } };
  const dump = { name: 'backend', part: 'database/backend.dump', tables: [] };
  const all = new Set<RestoreChoice>(RESTORE_CHOICES);
  const without = new Set<RestoreChoice>(RESTORE_CHOICES.filter((choice) => choice !== 'database'));
  const told = { externalDatabase: true };
  const untold = { externalDatabase: false };
  demandWord({ backup: backup({}, [dump]), choices: all, ...untold });
  demandWord({ backup: backup(external, []), choices: all, ...untold });
  demandWord({ backup: backup(external, [dump]), choices: without, ...untold });
  demandWord({ backup: backup(external, [dump]), choices: all, ...told });
  assert.throws(
    () => demandWord({ backup: backup(external, [dump]), choices: all, ...untold }),
    (error) =>
      isAirgapError(error, 'DECISION_NEEDED') &&
      error.found === 'backend at db1:6543' &&
      /--external-database .* --skip database/.test(error.expected ?? '') &&
      /backend_airgap_old/.test(error.hint),
  );
});
