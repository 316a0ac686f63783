import type { InstallFacts } from '../install/report.js';
import type { RollbackFacts } from '../install/rollback/report.js';
import type { RestoreFacts } from '../recovery/restore-report.js';
import { printable, redact } from '../redact.js';
import type { ReportOutcome, ReportStep, RunReport } from '../run/report.js';
import { badge, breakable, facts, type Html, html, idText, list, page, section, table } from './html.js';
import { databaseText } from './install.js';
import { changesTable, findingsSection, stepText } from './plan-html.js';
import { formatBytes, formatDuration, plural } from './units.js';

/** The report of any kind of run. */
export type AnyReport = RunReport<InstallFacts | RollbackFacts | RestoreFacts>;

const OUTCOMES: Readonly<Record<ReportOutcome, readonly ['good' | 'warn' | 'bad', string]>> = {
  finished: ['good', 'finished'],
  failed: ['bad', 'failed'],
  interrupted: ['warn', 'interrupted'],
  'needs-operator': ['warn', 'needs a decision'],
};
const KINDS: Readonly<Record<AnyReport['kind'], string>> = {
  install: 'Install',
  rollback: 'Rollback',
  restore: 'Restore',
  backup: 'Backup',
};

/** What a run did, as a page that opens without a network and prints well. */
export function reportPage(report: AnyReport): string {
  const { title, kind, outcome, begun, ended, took } = report;
  const [tone, word] = OUTCOMES[outcome];
  return page(`${KINDS[kind]}: ${title}`, [
    html`<header><h1>${title} ${badge(tone, word)}</h1>
<p class="lead">${KINDS[kind]} of ${timeText(begun)}, ${word} ${timeText(ended)}; ${formatDuration(took)} of work</p>
${facts([
  ...ownFacts(report),
  ['run', report.runId],
  ['takes back run', report.origin],
  ['cluster UID', idText(report.clusterUid)],
  ['bundle id', idText(report.bundleId)],
  ['airgap', report.toolVersion],
])}</header>`,
    trouble(report),
    html`<div class="call"><h2>What to do next</h2>${list(report.next, 'ol')}</div>`,
    section('What was done', stepsTable(report)),
    ...ownSections(report),
    savedSection(report),
    html`<footer>Written by airgap ${report.toolVersion} at ${timeText(ended)}. Secrets are masked; the same facts for programs lie beside this page as report.json.</footer>`,
  ]);
}

/** The report for programs: every text of it redacted. */
export function reportJson(report: AnyReport): string {
  return `${JSON.stringify(cleaned(report), null, 2)}\n`;
}

function trouble({ error }: AnyReport): Html {
  if (error === undefined) return html``;
  const { code, message, expected, found, faults } = error;
  return html`<div class="call trouble"><h2>Why it stopped</h2><p>${message} <code>${code}</code></p>
${facts([
  ['expected', expected],
  ['found', found],
])}${list(faults.map(({ where, what }) => `${where}: ${what}`))}</div>`;
}

const STATES: Readonly<Record<ReportStep['state'], readonly ['good' | 'warn' | 'bad' | 'plain', string]>> = {
  done: ['good', 'done'],
  found: ['good', 'held already'],
  failed: ['bad', 'failed'],
  begun: ['warn', 'begun'],
  'needs-operator': ['warn', 'needs a decision'],
  waiting: ['plain', 'not begun'],
};

function stepsTable({ steps, begun }: AnyReport): Html {
  const day = timeText(begun).slice(0, 11);
  const longest = Math.max(1, ...steps.map(({ took = 0 }) => took));
  return table(
    [['', 'num'], ['step'], ['result', 'name'], ['took', 'num']],
    steps.map((step, index) => [
      index + 1,
      stepText(step),
      [
        badge(...STATES[step.state]),
        html`<small>${step.detail}</small>`,
        step.at === undefined ? undefined : html`<small>${timeText(step.at).replace(day, '')}</small>`,
      ],
      step.took === undefined ? undefined : tookText(step.took, longest),
    ]),
  );
}

function tookText(took: number, longest: number): Html {
  const width = Math.max(1, Math.round((took / longest) * 100));
  return html`${formatDuration(took)}<div class="bar"><i style="width:${width}%"></i></div>`;
}

function ownFacts(report: AnyReport): (readonly [string, unknown])[] {
  const own = report.facts;
  if ('bundle' in own) {
    return [
      ['product', `${own.bundle.product} ${own.bundle.version}`],
      ['cluster', own.cluster && `${own.cluster.context}, ${own.cluster.server}`],
      [
        'Kubernetes',
        own.cluster && `${own.cluster.version.gitVersion}, ${plural(own.cluster.nodes, 'node')}`,
      ],
      ['registry', own.registry],
      ['helm', own.helm],
      ['bundle', own.bundle.file],
    ];
  }
  const where: readonly [string, unknown] = ['cluster', `${own.cluster.context}, ${own.cluster.server}`];
  if ('backup' in own) return [where, ['backup', own.backup.path], ['made', timeText(own.backup.createdAt)]];
  return [where, ['helm', own.helm], ['run that was taken back', own.origin.title]];
}

function ownSections(report: AnyReport): Html[] {
  const own = report.facts;
  if ('bundle' in own) return installSections(own);
  if ('backup' in own) {
    return [
      section('Rewritten for this cluster', list(own.rewrites)),
      section('Not in the backup', list(own.leftOut)),
    ].filter(({ html: text }) => text.includes('<li>'));
  }
  return [
    own.stays.length === 0 ? html`` : section('What was not undone', list(own.stays)),
    findingsSection(own.findings),
    releasesSection(own),
  ];
}

function installSections(own: InstallFacts): Html[] {
  const changes = Object.entries(own.values).map(([release, list]) => changesTable(release, list));
  return [
    proofSection(own),
    releasesSection(own),
    databaseSection(own),
    section('Values that changed', ...changes.filter((part) => part !== undefined), ...keysOf(own)),
    findingsSection(own.findings),
    own.holds.length === 0 ? html`` : section('As it should be before', list(own.holds)),
  ];
}

function keysOf({ keys }: InstallFacts): Html[] {
  const rows = Object.entries(keys).flatMap(([release, { translated, dropped, lost }]) => [
    ...lost.map(({ key, why }) => [release, breakable(key), badge('warn', 'no place any more'), why]),
    ...dropped.map(({ key, why }) => [release, breakable(key), 'not needed any more', why]),
    ...translated.map(({ key, to, why }) => [release, breakable(key), html`now ${to.map(breakable)}`, why]),
  ]);
  if (rows.length === 0) return [];
  return [
    html`<h3>Keys that the new charts name otherwise</h3>`,
    table([['release', 'key'], ['key', 'name'], ['became'], ['why']], rows),
  ];
}

function proofSection({ proof, push, crds }: InstallFacts): Html {
  const lines = [
    ...(push === undefined
      ? []
      : [
          `${plural(push.images, 'image')} in the registry; ${formatBytes(push.sent.bytes)} sent in ${plural(push.sent.blobs, 'blob')}, ${plural(push.mounted.blobs, 'blob')} mounted, ${plural(push.skipped.blobs, 'blob')} there already`,
        ]),
    ...(crds === undefined
      ? []
      : [
          `custom resource definitions: ${crds.applied.length} applied, ${crds.unchanged.length} as they should be`,
        ]),
  ];
  if (proof === undefined && lines.length === 0) return html``;
  return section(
    'Images and definitions',
    proof === undefined
      ? undefined
      : html`<p>${badge(proof.ok ? 'good' : 'bad', proof.ok ? 'proven' : 'not proven')} ${plural(proof.containers, 'container')} in ${plural(proof.pods, 'pod')} run ${plural(proof.images, 'image')}; ${proof.faults.length} of them are not the bundle’s.</p>`,
    proof === undefined || proof.faults.length === 0
      ? undefined
      : table(
          [['pod', 'name'], ['container'], ['image'], ['fault']],
          proof.faults.map(({ pod, container, image, fault = '' }) => [pod, container, image, fault]),
        ),
    lines.length === 0 ? undefined : list(lines),
  );
}

function releasesSection({ revisions, health }: Pick<InstallFacts, 'revisions' | 'health'>): Html {
  const rows = [
    ...Object.entries(revisions).map(
      ([release, revision]) => `release ${release} is at revision ${revision}`,
    ),
    ...health.map(({ namespace, workloads, troubles }) =>
      troubles.length === 0
        ? `all ${plural(workloads, 'workload')} in ${namespace} are ready`
        : `${namespace}: ${troubles.map(({ what, state }) => `${what} ${state}`).join('; ')}`,
    ),
  ];
  return rows.length === 0 ? html`` : section('Releases and health', list(rows));
}

/** Each database before and after; numbers of rows move with a migration, and are here to be looked at. */
function databaseSection({ database }: InstallFacts): Html {
  if (database === undefined) return html``;
  const { before, after } = database;
  const [was, now] = [before, after].map((count) => (count?.kind === 'counted' ? count.databases : []));
  const names = [...new Set([...(was ?? []), ...(now ?? [])].map(({ name }) => name))].sort();
  const cells = (list: typeof was, name: string): readonly unknown[] => {
    const found = list?.find((one) => one.name === name);
    return [found?.tables, found?.rows];
  };
  const columns = ['database', 'tables before', 'rows before', 'tables', 'rows'];
  return section(
    'Database',
    html`<p>${databaseText(database)}</p>`,
    names.length === 0
      ? undefined
      : table(
          columns.map((title, index) => (index === 0 ? [title] : [title, 'num'])),
          names.map((name) => [name, ...cells(was, name), ...cells(now, name)]),
        ),
  );
}

function savedSection({ saved }: AnyReport): Html {
  if (saved.items.length === 0) return html``;
  const bytes = saved.items.reduce((sum, { size }) => sum + size, 0);
  return section(
    'What was saved',
    html`<p>${plural(saved.items.length, 'file')}, ${formatBytes(bytes)}, below <code>${saved.folder}</code>, readable by their owner only. They hold secrets.</p>`,
    table(
      [['file'], ['size', 'num'], ['SHA-256']],
      saved.items.map(({ name, size, sha256 }) => [
        breakable(name),
        formatBytes(size),
        html`<code>${sha256.slice(0, 16)}…</code>`,
      ]),
    ),
  );
}

/** `2026-11-21T10:00:00.000Z` -> `2026-11-21 10:00:00 UTC` */
function timeText(iso: string): string {
  return iso.replace('T', ' ').replace(/\.\d+Z$|Z$/, ' UTC');
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return printable(redact(value), 8000);
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cleaned(inner)]));
}
