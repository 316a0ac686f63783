import { isDecoded } from '../../helm/release.js';
import type { Finding } from '../findings.js';
import { type InstallPlan, inputOf } from '../plan.js';
import { type Dangers, dangersOf, keepLine } from '../steps/uninstall-dangers.js';
import type { Check, Row } from './types.js';

/** What the step that uninstalls a release would stop at, asked before anything is changed. */
export const uninstallCheck: Check = {
  row: { id: 'uninstall', title: 'what an uninstall takes' },
  firm: true,
  applies: ({ made }) => uninstalledBy(made).length > 0,
  run: async (context) => {
    const { client, site, made, signal } = context;
    const findings: Finding[] = [];
    for (const { release, namespace } of uninstalledBy(made)) {
      const row: Row = { id: `uninstall.${release}`, title: `what uninstalling ${release} takes` };
      const last = (site.releases.get(release)?.revisions ?? []).filter(isDecoded).at(-1);
      if (last === undefined) {
        findings.push({ ...row, outcome: 'not-checked', seen: 'no record of it can be read' });
        continue;
      }
      const { manifest } = last;
      findings.push(judgeUninstall(row, await dangersOf(client, { release, namespace, manifest }, signal)));
    }
    return findings;
  },
};

/** Releases that a plan uninstalls. Pure. */
export function uninstalledBy({
  plan,
}: Pick<InstallPlan, 'plan'>): { readonly release: string; readonly namespace: string }[] {
  return plan.steps.flatMap((step) => {
    const { action } = inputOf(step);
    return action.kind === 'helm-uninstall' ? [action] : [];
  });
}

/** Pure. */
export function judgeUninstall(row: Row, { dangers, marked }: Dangers): Finding {
  if (dangers.length > 0)
    return {
      ...row,
      outcome: 'fail',
      seen: `it would also delete ${dangers.map(({ what }) => what).join('; ')}`,
      expected: 'a release whose own objects go, and nothing that holds data or belongs to others',
      advice: `let helm keep it, which the upgrade writes into helm’s record: ${dangers.map(({ ref }) => keepLine(ref)).join('; ')}`,
    };
  const kept = marked.map(({ kind, name }) => `${kind} ${name}`);
  const seen =
    kept.length === 0 ? 'its own objects only' : `its own objects; marked to be kept: ${kept.join(', ')}`;
  return { ...row, outcome: 'pass', seen };
}
