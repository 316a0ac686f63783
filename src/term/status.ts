import { printable } from '../redact.js';
import type { RunStatus, StepState, Verdict } from '../run/index.js';
import { formatTable } from './table.js';
import { formatDuration } from './units.js';

const WORDS: Readonly<Record<StepState, string>> = {
  waiting: 'waits',
  saved: 'saved its objects',
  begun: 'begun, perhaps done',
  committed: 'done',
  failed: 'failed',
  'needs-operator': 'needs you',
};

/** The statuses for people; ends with a newline. */
export function formatStatuses(statuses: readonly RunStatus[], place: { readonly root: string }): string {
  if (statuses.length === 0) return `No run is recorded in ${place.root}.\n`;
  return `${statuses.map(formatStatus).join('\n\n')}\n`;
}

/** One status as JSON: the stable form of `airgap status -o json`. */
export function statusJson(status: RunStatus): Record<string, unknown> {
  const { identity, ...rest } = status;
  return {
    ...rest,
    kind: identity?.kind,
    title: identity?.title,
    bundleId: identity?.bundleId,
    clusterUid: identity?.clusterUid,
    createdAt: identity?.createdAt,
    origin: identity?.origin,
    inputs: identity?.inputs,
  };
}

function formatStatus(status: RunStatus): string {
  const { identity } = status;
  const lines = [
    `Run ${status.runId}: ${headline(status)}`,
    ...(identity ? [`  ${printable(identity.title)}`] : []),
    ...(identity ? [`  begun   ${identity.createdAt}, cluster ${identity.clusterUid}`] : []),
    ...(identity ? [`  bundle  ${identity.bundleId}`] : []),
    ...(status.last ? [`  last    ${status.last}`] : []),
    `  record  ${status.folder}`,
    ...(status.report ? [`  report  ${status.report}`] : []),
    ...(status.detail ? [`  reason  ${printable(status.detail)}`] : []),
    ...stepLines(status),
    ...(status.next ? [`  next: ${status.next.id}, ${printable(status.next.title)}`] : []),
    ...(status.skew ? [`  versions: ${printable(status.skew)}`] : []),
    `  safe to walk away: ${verdict(status.safeToWalkAway)}`,
    `  safe to run the same command again: ${verdict(status.safeToRerun)}`,
    `  to do: ${printable(status.advice)}`,
  ];
  return lines.join('\n');
}

function headline({ state, identity, rollback }: RunStatus): string {
  const kind = identity === undefined ? '' : `${identity.kind}, `;
  const of = identity?.kind === 'rollback' && identity.origin ? ` (takes back run ${identity.origin})` : '';
  const back = rollback === undefined ? '' : `; its rollback ${rollback.runId} is ${rollback.state}`;
  const rolled = rollback?.state === 'finished' ? `, rolled back by run ${rollback.runId}` : back;
  return `${kind}${state}${of}${rolled}`;
}

function stepLines(status: RunStatus): string[] {
  if (status.steps.length === 0) return [];
  const rows = status.steps.map((step) => [
    step.state === 'committed' ? 'x' : step.state === 'waiting' ? ' ' : '>',
    printable(step.id, 80),
    WORDS[step.state],
    step.at ?? '',
    step.took === undefined ? '' : formatDuration(step.took),
  ]);
  const columns = ['', 'STEP', 'STATE', 'SINCE', 'TOOK'].map((title) => ({ title }));
  const table = formatTable(columns, rows);
  return table.map((line) => `  ${line}`.trimEnd());
}

function verdict({ answer, why }: Verdict): string {
  return `${answer ? 'yes' : 'no'}, ${printable(why)}`;
}
