import type { Facts } from '../site.js';
import { SOURCES } from '../sources.js';
import type { ProductStep } from './types.js';

/** Id of the step. */
export const BACKUP_STEP = 'backup';

const BACKUP: ProductStep = {
  id: BACKUP_STEP,
  title: 'back up the product: objects, values, databases and metrics',
  command: 'airgap backup create -o FILE',
  destructive: false,
  saves: [],
  doneWhen: 'every byte of the backup was read again and is right, and it is of this cluster',
  source: `${SOURCES.ours}; the backup page, before what cannot be taken back`,
  action: { kind: 'backup' },
  lasting: true,
};

/** Puts the backup before the first step that risks data, where a control plane with its database is there. */
export function withBackup(steps: readonly ProductStep[], facts: Facts): ProductStep[] {
  const at = steps.findIndex((step) => risksData(step, facts));
  if (at < 0 || facts.site.backend === undefined) return [...steps];
  return steps.toSpliced(at, 0, BACKUP);
}

/** True for what deletes something, and for a new version of the control plane: it migrates the database one way. */
export function risksData({ destructive, action }: ProductStep, { site, target }: Facts): boolean {
  if (destructive) return true;
  if (action.kind !== 'helm' || action.role !== 'control-plane') return false;
  return site.backend !== undefined && site.backend.text !== target.backend?.text;
}
