import type { RollbackOutcome, RollbackView } from '../install/rollback/types.js';
import { printable, redact } from '../redact.js';
import { stepLines } from './plan.js';
import { formatFindings } from './preflight.js';
import { formatDuration, plural } from './units.js';

/** The plan of a rollback, as --dry-run and the confirmation show it; ends with a newline. */
export function formatRollbackPlan(view: RollbackView): string {
  const { origin, cluster, plan, resumes, findings, holds, stays, changes } = view;
  const lines = [
    `rollback of run ${origin.runId}${origin.title === undefined ? '' : ` (${origin.title})`}`,
    `  cluster   ${cluster.context}, ${cluster.server}, ${cluster.version.gitVersion}, ${plural(cluster.nodes, 'node')}`,
    `  cluster UID ${cluster.uid}`,
    `  helm      ${view.helm}`,
    ...(resumes === undefined
      ? []
      : [`  goes on with run ${resumes}; what is done is looked at, not done again`]),
    '',
    ...(findings.length === 0 ? [] : ['Checks', ...indent(formatFindings(findings)), '']),
    ...listOf('As before already', holds),
    ...listOf('What is not undone', stays),
    changes ? `Plan, ${plural(plan.steps.length, 'step')}` : 'Nothing has to be taken back',
    ...plan.steps.flatMap(stepLines),
  ];
  return `${lines.map((line) => printable(redact(line), 4000)).join('\n')}\n`;
}

/** What came of it, for people. */
export function formatRolledBack(outcome: RollbackOutcome): string {
  const { view, revisions, health, duration, runFolder, runId } = outcome;
  const lines = [
    `run ${view.origin.runId} was taken back on ${view.cluster.context}, in ${formatDuration(duration)}`,
    ...Object.entries(revisions).map(([release, revision]) => `  release ${release}: revision ${revision}`),
    ...health.map(
      ({ namespace, workloads, troubles }) =>
        `  ${namespace}: ${plural(workloads, 'workload')}, ${troubles.length} not ready`,
    ),
    ...view.stays.map((text) => `  stays: ${text}`),
    `  record: ${runFolder} (run ${runId})`,
    ...(outcome.report === undefined ? [] : [`  report: ${outcome.report}`]),
  ];
  return `${lines.map((line) => printable(redact(line), 4000)).join('\n')}\n`;
}

/** The stable form of `rollback -o json`; holds no values and no secrets. */
export function rollbackJson(outcome: RollbackOutcome): Record<string, unknown> {
  const { view, ...rest } = outcome;
  const { plan, ...shown } = view;
  return {
    ...rest,
    ...shown,
    title: plan.title,
    steps: plan.steps.map((step) => ({
      ...step,
      ...outcome.steps.find(({ id }) => id === step.id),
      input: undefined,
    })),
  };
}

function listOf(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [title, ...items.map((text) => `  ${text}`), ''];
}

function indent(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
}
