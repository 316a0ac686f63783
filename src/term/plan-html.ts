import type { StepEstimate } from '../install/estimate.js';
import type { Finding } from '../install/findings.js';
import type { PlanView } from '../install/types.js';
import { isOwn, type ValueChange } from '../install/values-diff.js';
import type { PlanStep } from '../run/types.js';
import { badge, breakable, facts, type Html, html, idText, list, page, section, table } from './html.js';
import { formatBytes, formatDuration, plural } from './units.js';

/** The plan of an install as a page that opens without a network. */
export function planPage(view: PlanView): string {
  const { bundle, cluster, plan, made, findings, estimate, done } = view;
  const title = `Plan: ${bundle.product} ${bundle.version}`;
  const destructive = plan.steps.filter((step) => step.destructive).length;
  const nothing = made !== undefined && !made.changes;
  return page(title, [
    html`<header><h1>${title}</h1><p class="lead">${leadOf(view, destructive)}</p>
${facts([
  ['cluster', cluster && `${cluster.context}, ${cluster.server}`],
  ['cluster UID', idText(cluster?.uid)],
  ['Kubernetes', cluster && `${cluster.version.gitVersion}, ${plural(cluster.nodes, 'node')}`],
  ['registry', view.registry],
  ['images', view.images === 'left' ? 'left where the charts name them' : undefined],
  ['helm', view.helm],
  [view.images === 'left' ? 'spec' : 'bundle', bundle.file],
  ['bundle id', idText(bundle.id)],
  ['goes on with run', view.resumes],
  ['to send', estimate.bytes === 0 ? 'nothing' : formatBytes(estimate.bytes)],
  ['to save, at most', estimate.toSave === undefined ? undefined : formatBytes(estimate.toSave)],
  ['time, roughly', nothing ? undefined : formatDuration(estimate.seconds * 1000)],
])}</header>`,
    section(
      nothing ? 'Nothing has to be changed; these checks remain' : `Steps, in this order`,
      table(
        [['', 'num'], ['step'], ['roughly', 'num']],
        plan.steps.map((step, index) => [
          index + 1,
          [stepText(step), done.includes(step.id) ? badge('good', 'done already') : undefined],
          estimateText(estimate.steps[step.id]),
        ]),
      ),
      html`<p><small>Reckoned with ${estimate.basis}.</small></p>`,
    ),
    findingsSection(findings),
    made && made.holds.length > 0 ? section('As it should be already', list(made.holds)) : html``,
    section(
      'Values that change',
      ...(made?.releases ?? []).map(({ chart, changes }) => changesTable(chart.release, changes)),
    ),
    html`<footer>Printed by airgap before anything was changed. Secrets are masked.</footer>`,
  ]);
}

/** Title, mark, command, and what is saved; shared by plans and reports. */
export function stepText(
  step: Pick<PlanStep, 'title' | 'command' | 'destructive' | 'saves' | 'deletes' | 'undoneBy'>,
): Html {
  const { title, command, destructive, saves, deletes, undoneBy } = step;
  return html`${title} ${destructive ? badge('bad', 'destructive') : undefined}
${saves.length === 0 ? undefined : html`<small>saves first: ${saves.join('; ')}</small>`}
${deletes === undefined ? undefined : html`<small>deletes also, marked as nobody’s: ${deletes.join('; ')}</small>`}
${destructive && undoneBy !== undefined ? html`<small>undone by: ${undoneBy}</small>` : undefined}
${command === undefined ? undefined : html`<pre>${command}</pre>`}`;
}

const OUTCOMES = {
  fail: ['bad', 'fail'],
  warn: ['warn', 'warning'],
  'not-checked': ['plain', 'not checked'],
  pass: ['good', 'pass'],
} as const;
const ORDER = ['fail', 'warn', 'not-checked', 'pass'] as const;

/** The checks, what is not right first. */
export function findingsSection(findings: readonly Finding<string>[]): Html {
  if (findings.length === 0) return html``;
  const sorted = [...findings].sort((a, b) => ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome));
  const counts = ORDER.flatMap((outcome) => {
    const count = findings.filter((one) => one.outcome === outcome).length;
    return count === 0 ? [] : [`${count} ${OUTCOMES[outcome][1]}`];
  });
  return section(
    `Checks of the site: ${counts.join(', ')}`,
    table(
      [['', 'mark'], ['check', 'name'], ['seen']],
      sorted.map(({ outcome, title, seen, expected, advice }) => [
        badge(OUTCOMES[outcome][0], OUTCOMES[outcome][1]),
        title,
        [
          html`${seen}`,
          outcome !== 'pass' && expected !== undefined
            ? html`<small>expected: ${expected}</small>`
            : undefined,
          outcome !== 'pass' && advice !== undefined ? html`<small>to do: ${advice}</small>` : undefined,
        ],
      ]),
    ),
  );
}

const CHANGES = { added: 'added', removed: 'removed', changed: 'changed' } as const;

/** What changes in effect in the values of a release, defaults of the chart last; undefined when nothing does. */
export function changesTable(release: string, changes: readonly ValueChange[]): Html | undefined {
  if (changes.length === 0) return undefined;
  const own = changes.filter(isOwn);
  const defaults = changes.filter((change) => !isOwn(change));
  return html`<h3>${release}</h3>${own.length === 0 ? undefined : rowsOf(own)}
${
  defaults.length === 0
    ? undefined
    : html`<h3>${release}: ${plural(defaults.length, 'default')} of the chart that nobody had set otherwise</h3>${rowsOf(defaults)}`
}`;
}

function rowsOf(changes: readonly ValueChange[]): Html {
  return table(
    [['', 'mark'], ['key', 'path'], ['before'], ['after']],
    changes.map(({ kind, path, before = '', after = '' }) => [
      CHANGES[kind],
      breakable(path),
      html`<code>${before}</code>`,
      html`<code>${after}</code>`,
    ]),
  );
}

function leadOf({ plan, made, findings, cluster }: PlanView, destructive: number): string {
  if (cluster === undefined)
    return 'No cluster was looked at: this is the plan of a first install on an empty Kubernetes cluster.';
  if (made && !made.changes) return 'What the bundle brings is what runs.';
  const failed = findings.filter(({ outcome }) => outcome === 'fail').length;
  const steps = `${plural(plan.steps.length, 'step')}, ${destructive === 0 ? 'none of them destructive' : `${destructive} of them destructive, each after saving`}.`;
  return failed === 0 ? steps : `${steps} It cannot begin: ${plural(failed, 'check')} failed.`;
}

function estimateText(estimate: StepEstimate | undefined): Html | undefined {
  if (estimate === undefined) return undefined;
  const { bytes, seconds } = estimate;
  return html`${formatDuration(seconds * 1000)}${bytes ? html`<small>${formatBytes(bytes)}</small>` : undefined}`;
}
