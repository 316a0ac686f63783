import type { Kept } from '../recovery/kept.js';
import { AFTER_RESTORE } from '../recovery/restore-report.js';
import type { RestoreOutcome, RestoreView } from '../recovery/restore-types.js';
import { printable, redact } from '../redact.js';
import { stepLines } from './plan.js';
import { plural } from './units.js';

/** The plan of a restore, as --dry-run and the confirmation show it. */
export function formatRestorePlan(view: RestoreView): string {
  const { backup, cluster, plan, rewrites, leftOut, resumes } = view;
  const lines = [
    `restore of ${backup.path}`,
    `  backup    ${backup.id.slice(0, 12)}, made ${backup.createdAt} on cluster ${backup.clusterUid}`,
    `  cluster   ${cluster.context}, ${cluster.server}, UID ${cluster.uid}`,
    ...(resumes === undefined ? [] : [`  goes on with run ${resumes}; what is done is not done again`]),
    ...rewrites.map((text) => `  rewritten ${text}`),
    ...leftOut.map((text) => `  not in it ${text}`),
    '',
    `Plan, ${plural(plan.steps.length, 'step')}`,
    ...plan.steps.flatMap(stepLines),
  ];
  return `${lines.map((line) => printable(redact(line), 4000)).join('\n')}\n`;
}

/** What came of it, for people. */
export function formatRestored({ view, steps, runId, runFolder, report, kept }: RestoreOutcome): string {
  const done = steps.filter(({ outcome }) => outcome === 'done').length;
  const lines = [
    `restored   backup ${view.backup.id.slice(0, 12)} of ${view.backup.createdAt}`,
    `cluster    ${view.cluster.context} (${view.cluster.uid})`,
    `steps      ${done} done, ${steps.length - done} held already`,
    `run        ${runId}, in ${runFolder}`,
    ...(report === undefined ? [] : [`report     ${report}`]),
    ...keptLines(kept),
    ...AFTER_RESTORE.map((text, index) => `${index === 0 ? 'next' : '    '}       ${text}`),
  ];
  return `${lines.map((line) => printable(redact(line), 4000)).join('\n')}\n`;
}

/** What was replaced is still to be had: where, and how to be rid of it. */
function keptLines(kept: RestoreOutcome['kept']): string[] {
  if (kept === undefined) return [];
  const { safetyBackup, databases } = kept;
  return [
    ...(safetyBackup === undefined ? [] : safetyLines(safetyBackup)),
    ...databases.flatMap(({ name, old, drop }) => [
      `kept       database ${name} as it was, under the name ${old}; when nobody needs it any more:`,
      `           $ ${drop}`,
    ]),
  ];
}

function safetyLines({ path, keyFiles }: NonNullable<Kept['safetyBackup']>): string[] {
  return [
    `before     what was there is in ${path}`,
    keyFiles.length === 0 ? '           its key is gone' : `           its key is ${keyFiles.join(' or ')}`,
  ];
}

/** The same for programs. */
export function restoreJson({
  outcome,
  view,
  steps,
  runId,
  runFolder,
  report,
  kept,
}: RestoreOutcome): Record<string, unknown> {
  const { plan, ...rest } = view;
  return {
    outcome,
    ...rest,
    runId,
    runFolder,
    report,
    kept,
    steps: steps.length > 0 ? steps : plan.steps.map(({ id, title }) => ({ id, title })),
  };
}
