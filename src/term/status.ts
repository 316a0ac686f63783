import { printable } from '../redact.js';
import type { RunStatus, StepState, Verdict } from '../run/index.js';
import { formatTable } from './table.js';

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
    `Run ${status.runId}: ${status.state}`,
    ...(identity ? [`  ${printable(identity.title)}`] : []),
    ...(identity ? [`  begun   ${identity.createdAt}, cluster ${identity.clusterUid}`] : []),
    ...(identity ? [`  bundle  ${identity.bundleId}`] : []),
    ...(status.last ? [`  last    ${status.last}`] : []),
    `  record  ${status.folder}`,
    ...(status.detail ? [`  reason  ${printable(status.detail)}`] : []),
    ...stepLines(status),
    ...(status.next ? [`  next: ${status.next.id}, ${printable(status.next.title)}`] : []),
    `  safe to walk away: ${verdict(status.safeToWalkAway)}`,
    `  safe to run the same command again: ${verdict(status.safeToRerun)}`,
  ];
  return lines.join('\n');
}

function stepLines(status: RunStatus): string[] {
  if (status.steps.length === 0) return [];
  const rows = status.steps.map((step) => [
    step.state === 'committed' ? 'x' : step.state === 'waiting' ? ' ' : '>',
    printable(step.id, 80),
    WORDS[step.state],
    step.at ?? '',
  ]);
  const table = formatTable([{ title: '' }, { title: 'STEP' }, { title: 'STATE' }, { title: 'SINCE' }], rows);
  return table.map((line) => `  ${line}`.trimEnd());
}

function verdict({ answer, why }: Verdict): string {
  return `${answer ? 'yes' : 'no'}, ${printable(why)}`;
}
