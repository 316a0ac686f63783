import type { Estimate } from '../install/estimate.js';
import { backupIn, type InstallPlan } from '../install/plan.js';
import type { PlanView } from '../install/types.js';
import { isOwn, type ValueChange } from '../install/values-diff.js';
import { printable, redact } from '../redact.js';
import type { PlanStep } from '../run/types.js';
import { formatFindings } from './preflight.js';
import { formatBytes, formatDuration, plural } from './units.js';

/** The plan as --dry-run and the confirmation show it; ends with a newline. */
export function formatPlan(view: PlanView): string {
  const { bundle, cluster, plan, made, resumes, findings } = view;
  const lines = [
    `${bundle.product} ${bundle.version} (${view.images === 'left' ? `from ${bundle.file}, content` : 'bundle'} ${bundle.id.slice(0, 12)})`,
    ...clusterLines(cluster),
    ...(view.registry === undefined ? [] : [`  registry  ${view.registry}`]),
    ...(view.images === 'left' ? ['  images    left where the charts name them'] : []),
    ...(view.helm === undefined ? [] : [`  helm      ${view.helm}`]),
    ...(resumes === undefined
      ? []
      : [`  goes on with run ${resumes}; what is done is looked at, not done again`]),
    ...(made && !made.changes ? [] : [`  roughly   ${estimateText(view.estimate)}`]),
    '',
    ...(findings.length === 0 ? [] : ['Checks', ...indent(formatFindings(findings)), '']),
    ...(made === undefined ? [] : madeLines(made)),
    ...backupLines(view),
    made && !made.changes
      ? 'Nothing has to be changed; these checks remain'
      : `Plan, ${plural(plan.steps.length, 'step')}`,
    ...plan.steps.flatMap((step, index) =>
      stepLines(
        view.done.includes(step.id) ? { ...step, title: `${step.title} [done already]` } : step,
        index,
      ),
    ),
  ];
  return `${lines.map((line) => printable(redact(line), 4000)).join('\n')}\n`;
}

function clusterLines(cluster: PlanView['cluster']): string[] {
  if (cluster === undefined) {
    return [
      '  cluster   NONE WAS LOOKED AT: this is the plan of a first install on an empty Kubernetes cluster;',
      '            what a site runs already, lacks or forbids is not in it',
    ];
  }
  const { context, server, version, nodes, uid } = cluster;
  return [
    `  cluster   ${context}, ${server}, ${version.gitVersion}, ${plural(nodes, 'node')}`,
    `  cluster UID ${uid}`,
  ];
}

/** That there is no backup is said before the steps, and not only by one of them. */
function backupLines({ plan }: PlanView): string[] {
  if (backupIn(plan)?.kind !== 'none') return [];
  return [
    'WITHOUT A BACKUP (--no-backup)',
    '  What the steps below delete or migrate cannot be brought back.',
    '',
  ];
}

function madeLines(made: InstallPlan): string[] {
  const holds =
    made.holds.length === 0 ? [] : ['As it should be', ...made.holds.map((text) => `  ${text}`), ''];
  const values = made.releases.flatMap(({ chart, changes }) =>
    changes.length === 0
      ? []
      : [
          `Values of ${chart.release}, in effect`,
          ...changes.filter(isOwn).map((change) => `  ${changeText(change)}`),
          ...defaultsLines(changes.filter((change) => !isOwn(change))),
          '',
        ],
  );
  return [...holds, ...values];
}

/** There may be hundreds of them, and nobody at the site decided about any. */
function defaultsLines(changes: readonly ValueChange[]): string[] {
  if (changes.length === 0) return [];
  const counts = (['added', 'removed', 'changed'] as const).flatMap((kind) => {
    const { length } = changes.filter((change) => change.kind === kind);
    return length === 0 ? [] : [`${length} ${kind}`];
  });
  const what = plural(changes.length, 'default');
  return [`  and ${what} of the chart: ${counts.join(', ')}; -o json and -o html list them`];
}

function changeText({ kind, path, before, after }: ValueChange): string {
  if (kind === 'added') return `+ ${path}: ${after}`;
  if (kind === 'removed') return `- ${path}: ${before}`;
  return `~ ${path}: ${before} -> ${after}`;
}

/** What is to be sent and how long it takes, for people. */
export function estimateText({ bytes, toSave, seconds, basis }: Estimate): string {
  const size = bytes === 0 ? 'nothing to send' : `${formatBytes(bytes)} to send`;
  const backup = toSave === undefined ? '' : `, a backup of at most ${formatBytes(toSave)}`;
  return `${formatDuration(seconds * 1000)}, ${size}${backup} (reckoned with ${basis})`;
}

export function stepLines(step: PlanStep, index: number): string[] {
  const mark = step.destructive ? ' [DESTRUCTIVE]' : '';
  return [
    `${String(index + 1).padStart(3)}. ${step.title}${mark}`,
    ...(step.command === undefined ? [] : step.command.split('\n').map((line) => `       $ ${line}`)),
    ...(step.saves.length === 0 ? [] : [`       saves    ${step.saves.join('; ')}`]),
    ...(step.deletes === undefined
      ? []
      : [`       deletes  also, marked as nobody’s: ${step.deletes.join('; ')}`]),
    `       done     when ${step.doneWhen}`,
    ...(step.undoneBy === undefined || !step.destructive ? [] : [`       undone   by ${step.undoneBy}`]),
  ];
}

function indent(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`);
}
