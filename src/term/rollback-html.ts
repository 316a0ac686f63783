import type { RollbackView } from '../install/rollback/types.js';
import { facts, html, idText, list, page, section, table } from './html.js';
import { findingsSection, stepText } from './plan-html.js';
import { plural } from './units.js';

/** The plan of a rollback as a page that opens without a network. */
export function rollbackPlanPage(view: RollbackView): string {
  const { origin, cluster, plan, resumes, findings, holds, stays, changes } = view;
  const title = `Rollback of ${origin.title ?? `run ${origin.runId}`}`;
  return page(title, [
    html`<header><h1>${title}</h1><p class="lead">${changes ? plural(plan.steps.length, 'step') : 'Nothing has to be taken back.'}</p>
${facts([
  ['run that is taken back', origin.runId],
  ['begun', origin.createdAt],
  ['cluster', `${cluster.context}, ${cluster.server}`],
  ['cluster UID', idText(cluster.uid)],
  ['helm', view.helm],
  ['goes on with run', resumes],
])}</header>`,
    stays.length === 0 ? html`` : section('What is not undone', list(stays)),
    section(
      'Steps, in this order',
      table(
        [['', 'num'], ['step']],
        plan.steps.map((step, index) => [index + 1, stepText(step)]),
      ),
    ),
    findingsSection(findings),
    holds.length === 0 ? html`` : section('As before already', list(holds)),
    html`<footer>Printed by airgap before anything was changed.</footer>`,
  ]);
}
