import type { ImageProof } from '../install/proof.js';
import type { DatabaseResult } from '../install/steps/types.js';
import type { InstallOutcome } from '../install/types.js';
import { printable, redact } from '../redact.js';
import { describeCount } from '../run/database-count.js';
import { formatPush } from './push.js';
import { formatBytes, formatDuration, plural } from './units.js';

/** What came of an install, for people. */
export function formatOutcome(outcome: InstallOutcome): string {
  const { view, backup, push, crds, health, proof, database, revisions, duration } = outcome;
  const { product, version } = view.bundle;
  const done = outcome.outcome === 'unchanged' ? 'is what runs; nothing was changed' : 'is installed';
  const lines = [
    `${product} ${version} ${done} on ${view.cluster?.context ?? 'no cluster'}, in ${formatDuration(duration)}`,
    ...backupLines(backup),
    ...(push && view.registry ? indent(formatPush(push, view.registry)) : []),
    ...(crds
      ? [`  definitions: ${crds.applied.length} applied, ${crds.unchanged.length} as they should be`]
      : []),
    ...Object.entries(revisions).map(([release, revision]) => `  release ${release}: revision ${revision}`),
    ...health.map(
      ({ namespace, workloads, troubles }) =>
        `  ${namespace}: ${plural(workloads, 'workload')}, ${troubles.length} not ready`,
    ),
    ...(database ? [`  ${databaseText(database)}`] : []),
    ...(proof ? [`  ${proofText(proof, view.images)}`] : []),
    ...(outcome.runFolder === undefined ? [] : [`  record: ${outcome.runFolder}`]),
    ...(outcome.report === undefined ? [] : [`  report: ${outcome.report}`]),
  ];
  return `${lines.map((line) => printable(redact(line), 4000)).join('\n')}\n`;
}

function backupLines(backup: InstallOutcome['backup']): string[] {
  switch (backup?.kind) {
    case 'none':
      return ['  WITHOUT A BACKUP: --no-backup was given'];
    case 'use':
      return [`  backup: ${backup.path}, checked`];
    case 'take':
      return [
        `  backup: ${backup.path} (${formatBytes(backup.size)}), verified`,
        `  its key: ${backup.keyFile}; without it nobody can read the backup: keep a copy elsewhere`,
      ];
    default:
      return [];
  }
}

/** The stable form of `install -o json`; holds no values and no secrets. */
export function outcomeJson(outcome: InstallOutcome): Record<string, unknown> {
  const { view, ...rest } = outcome;
  const { plan, made, ...shown } = view;
  return {
    ...rest,
    ...shown,
    holds: made?.holds ?? [],
    values: Object.fromEntries((made?.releases ?? []).map(({ chart, changes }) => [chart.release, changes])),
    changes: made?.changes ?? true,
    title: plan.title,
    steps: plan.steps.map((step) => ({
      ...step,
      ...outcome.steps.find(({ id }) => id === step.id),
      estimate: view.estimate.steps[step.id],
      input: undefined,
    })),
  };
}

/** What the databases hold, beside what they held before. */
export function databaseText({ before, after }: DatabaseResult): string {
  const now = `database: ${describeCount(after)}`;
  return before === undefined ? now : `${now}; before the upgrade: ${describeCount(before)}`;
}

function proofText(proof: ImageProof, where: InstallOutcome['view']['images']): string {
  const { containers, pods, images, faults } = proof;
  const all = `${plural(containers, 'container')} in ${plural(pods, 'pod')}, ${plural(images, 'image')}`;
  if (faults.length > 0) return `proof: ${faults.length} of ${all} are not what was to be installed`;
  return where === 'left'
    ? `proof: ${all}, each of them what its registry gave for its name when the spec was read`
    : `proof: ${all}, each of them the bundle’s, from the registry of the site`;
}

function indent(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
}
