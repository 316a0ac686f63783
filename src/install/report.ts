import type { CrdReport } from '../kube/crd-apply.js';
import type { CopyReport } from '../oci/copy-types.js';
import type { RunReport } from '../run/report.js';
import type { SavedStore } from '../run/types.js';
import type { Finding } from './findings.js';
import type { HealthReport } from './health.js';
import type { InstallPlan } from './plan.js';
import type { ImageProof } from './proof.js';
import type { ClusterFacts } from './site.js';
import type { DatabaseResult, Results } from './steps/types.js';
import type { PlanView } from './types.js';
import type { ValueChange } from './values-diff.js';

/** What was found and decided before the first step; kept with the run, so that a later process can tell it. */
export interface InstallBegun {
  readonly bundle: PlanView['bundle'];
  readonly cluster?: ClusterFacts;
  readonly registry?: string;
  readonly helm?: string;
  readonly findings: readonly Finding[];
  /** What held already. */
  readonly holds: readonly string[];
  /** By release; secrets are masked. */
  readonly values: Readonly<Record<string, readonly ValueChange[]>>;
  /** By release: keys that became others, that are not needed any more, that have no place any more. */
  readonly keys: Readonly<
    Record<string, Pick<InstallPlan['releases'][number]['carried'], 'translated' | 'dropped' | 'lost'>>
  >;
}

/** What the steps found, over all processes of the run. */
export interface InstallResults {
  readonly push?: Omit<CopyReport, 'images'> & { readonly images: number };
  readonly crds?: CrdReport;
  readonly revisions: Readonly<Record<string, number>>;
  readonly health: readonly HealthReport[];
  readonly proof?: ImageProof;
  readonly database?: DatabaseResult;
}

export type InstallFacts = InstallBegun & InstallResults;
export type InstallReport = RunReport<InstallFacts>;

const BEGUN = 'report/begun.json';
const RESULTS = 'report/results.json';

/** Keeps what was found, when the run begins. */
export async function keepBegun(saved: SavedStore, view: PlanView): Promise<void> {
  if (view.made === undefined || (await saved.get(BEGUN)) !== undefined) return;
  await saved.put(BEGUN, JSON.stringify(begunOf(view)));
}

/** All that the report of an install tells beyond its steps. */
export async function installFacts(
  saved: SavedStore,
  view: PlanView,
  results: Results,
): Promise<InstallFacts> {
  const begun = (await read<InstallBegun>(saved, BEGUN)) ?? begunOf(view);
  const earlier = (await read<InstallResults>(saved, RESULTS)) ?? { revisions: {}, health: [] };
  const { push, crds, proof, database, health, revisions } = results;
  const names = new Set(health.keys());
  const all: InstallResults = {
    ...earlier,
    ...(push === undefined ? {} : { push: { ...push, images: push.images.length } }),
    ...(crds === undefined ? {} : { crds }),
    ...(proof === undefined ? {} : { proof }),
    ...(database === undefined ? {} : { database }),
    revisions: { ...earlier.revisions, ...Object.fromEntries(revisions) },
    health: [...earlier.health.filter(({ namespace }) => !names.has(namespace)), ...health.values()],
  };
  await saved.put(RESULTS, JSON.stringify(all));
  return { ...begun, ...all };
}

/** What to do after an install. Pure. */
export function afterInstall(report: InstallReport): string[] {
  const { facts, outcome, steps, runId, command, error, inputs, first } = report;
  const back = `airgap rollback --run ${runId} --dry-run`;
  const begun = ['done', 'begun', 'failed'];
  const changed = steps.some(({ state, touches }) => touches === undefined && begun.includes(state));
  if (outcome !== 'finished') {
    return [
      error?.hint ?? 'find the cause above',
      `then go on with ${command ?? 'the same command'}; it goes on where it stopped`,
      ...(changed && !first ? [`or go back: ${back}`] : []),
    ];
  }
  const domain = inputs['domain'];
  const kept = steps.filter(({ detail }) => detail?.includes('not put back'));
  const lost = Object.entries(facts.keys).filter(([, keys]) => keys.lost.length > 0);
  const warned = facts.findings.filter((finding) => finding.outcome === 'warn').length;
  return [
    `log in${domain === undefined ? '' : ` at https://${domain}`}, and look at clusters and projects`,
    ...kept.map(({ title, detail }) => `look at this by hand: ${title} (${detail})`),
    ...lost.map(([release]) => `set by hand what ${release} has no place for any more (listed under Values)`),
    ...(warned === 0 ? [] : [`look at the ${warned === 1 ? 'warning' : `${warned} warnings`} of the checks`]),
    'take a backup of the new version: airgap backup create',
    ...(first ? [] : [`to go back to the version before: ${back}`]),
    'keep the folder of the run until you are sure; what was saved there holds secrets and is readable by its owner only',
  ];
}

function begunOf(view: PlanView): InstallBegun {
  const { bundle, cluster, registry, helm, findings, made } = view;
  const releases = made?.releases ?? [];
  return {
    ...{ bundle, findings, holds: made?.holds ?? [] },
    ...(cluster === undefined ? {} : { cluster }),
    ...(helm === undefined ? {} : { helm }),
    ...(registry === undefined ? {} : { registry }),
    values: Object.fromEntries(releases.map(({ chart, changes }) => [chart.release, changes])),
    keys: Object.fromEntries(releases.map(({ chart, carried }) => [chart.release, carried])),
  };
}

async function read<T>(saved: SavedStore, name: string): Promise<T | undefined> {
  const content = await saved.get(name);
  return content === undefined ? undefined : (JSON.parse(content.toString('utf8')) as T);
}
