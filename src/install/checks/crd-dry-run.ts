import { isAirgapError } from '../../errors.js';
import { mapPooled } from '../../io/pool.js';
import { RESOURCES } from '../../kube/resources.js';
import type { Finding } from '../findings.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'crds.dry-run', title: 'dry run of the definitions' };
const WIDTH = 4;
const SHOWN = 5;

/** A definition that the API server would not take as it is. */
export interface RefusedCrd {
  readonly name: string;
  /** Field managers that hold fields of it, with the fields. */
  readonly held: readonly { readonly field: string; readonly by: string }[];
  /** The server’s words where it is no conflict. */
  readonly why?: string;
}

/**
 * Applies every definition that has to be, and keeps nothing: field managers that would not give way are found before
 * the control plane is upgraded, not after (threats 100).
 */
export const crdDryRunCheck: Check = {
  row: ROW,
  applies: ({ site }) => site.crds.toApply.length > 0,
  run: async ({ client, crds, site, signal }) => {
    const { incompatible, storedVersions } = site.crds.findings;
    // These have a row of their own.
    const told = [...incompatible, ...storedVersions].map(({ where }) => where.split(' ')[0]);
    const tried = crds.filter(
      ({ metadata: { name } }) => site.crds.toApply.includes(name) && !told.includes(name),
    );
    const refused = await mapPooled(
      tried,
      WIDTH,
      async (crd, inner): Promise<RefusedCrd | undefined> => {
        const { name } = crd.metadata;
        try {
          await client.apply(crd, { resource: RESOURCES.crds, dryRun: true, signal: inner });
          return undefined;
        } catch (error) {
          if (isAirgapError(error, 'APPLY_CONFLICT')) {
            const held = error.faults.map(({ where, what }) => ({
              field: where,
              by: what.replace(/^belongs to /, ''),
            }));
            return { name, held };
          }
          if (!isAirgapError(error, 'CLUSTER_REFUSED') && !isAirgapError(error, 'CLUSTER_DENIED'))
            throw error;
          return { name, held: [], why: error.found ?? error.message };
        }
      },
      signal,
    );
    return [
      judgeCrdDryRun(
        refused.filter((one) => one !== undefined),
        tried.length,
      ),
    ];
  },
};

export function judgeCrdDryRun(refused: readonly RefusedCrd[], tried: number): Finding {
  if (refused.length === 0) return { ...ROW, outcome: 'pass', seen: `all ${tried} are taken` };
  const list = refused.slice(0, SHOWN).map(({ name, held, why }) => {
    if (why !== undefined) return `${name}: ${why}`;
    const [first] = held;
    const more = held.length > 1 ? ` and ${held.length - 1} more` : '';
    return `${name}: ${first?.field}${more} belongs to ${managersOf(held).join(' and ')}`;
  });
  const more = refused.length > SHOWN ? `; ${refused.length - SHOWN} more` : '';
  const managers = managersOf(refused.flatMap(({ held }) => held));
  const advice =
    managers.length === 0
      ? 'mend what the server says, then run the same command again'
      : `let ${managers.join(' and ')} stop managing these definitions and give the fields up: kubectl apply --server-side --force-conflicts --field-manager=airgap -f runai-crds.yaml`;
  return {
    ...ROW,
    outcome: 'fail',
    seen: `${refused.length} of ${tried} are refused: ${list.join('; ')}${more}`,
    expected: 'definitions whose fields airgap may set',
    advice,
  };
}

function managersOf(held: RefusedCrd['held']): string[] {
  return [...new Set(held.map(({ by }) => by))];
}
