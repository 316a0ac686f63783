import type { BundleChart, Manifest } from '../bundle/manifest.js';
import { effectiveValues } from '../helm/effective.js';
import { parseFingerprint } from '../helm/fingerprint.js';
import type { Release } from '../helm/release.js';
import { type Decision, decide } from '../helm/state.js';
import { digestOf } from '../run/canonical.js';
import type { Plan, PlanStep } from '../run/types.js';
import { CLAIM_SETTINGS } from '../runai/names.js';
import type { Facts } from '../runai/site.js';
import { BACKUP_STEP, risksData } from '../runai/steps/backup.js';
import { composeSteps } from '../runai/steps/compose.js';
import type { Action, ProductStep, Settings } from '../runai/steps/types.js';
import type { Translation } from '../runai/values/translate.js';
import { parseVersion } from '../runai/version.js';
import type { PlannedBackup } from './backup-types.js';
import { carryValues } from './carry-values.js';
import { current } from './observe-product.js';
import { isPushed } from './push.js';
import { addCanary, pullSecretSteps } from './registry-steps.js';
import { releaseValues } from './release-values.js';
import type { Observation } from './site.js';
import type { CanaryTarget } from './steps/canary.js';
import { type Values, valueAt } from './values.js';
import { diffEffective, type ValueChange, type ValuesSide } from './values-diff.js';
import { applyOverrides, type Overrides } from './values-input.js';

/** What the plan is made from besides the site. */
export interface PlanRequest {
  readonly manifest: Manifest;
  readonly bundleId: string;
  /** By role of the chart. */
  readonly overrides: Readonly<Record<'control-plane' | 'cluster' | 'prerequisite', Overrides>>;
  readonly domain?: string;
  readonly skipPush: boolean;
  /** Every node pulls an image before the product is touched. */
  readonly canary: boolean;
  /** What is done before the first step that risks data; a fresh backup into the run's folder when absent. */
  readonly backup?: PlannedBackup;
  /** Default values of the bundle's charts, by release; they tell which old settings have a place there. */
  readonly defaults?: ReadonlyMap<string, Values>;
}

/** A release as the plan leaves it. */
export interface PlannedRelease {
  readonly chart: BundleChart;
  /** 64 hex digits. */
  readonly chartSha: string;
  /** Complete; may hold secrets. */
  readonly values: Values;
  /** SHA-256 of the canonical JSON of the values. */
  readonly valuesSha: string;
  /** The same over the chart's own values: what is in effect. May hold secrets. */
  readonly effective: Values;
  readonly changes: readonly ValueChange[];
  readonly decision: Decision;
  /** What became of the operator's own values; empty lists where nothing ran before. */
  readonly carried: Omit<Translation, 'values'>;
}

/** The plan with what was decided on the way. */
export interface InstallPlan {
  readonly plan: Plan;
  readonly releases: readonly PlannedRelease[];
  /** What holds already and is therefore no step, in words. */
  readonly holds: readonly string[];
  /** Whether any step changes the site; checks alone change nothing. */
  readonly changes: boolean;
  /** What the table of steps decided by. */
  readonly facts: Facts;
}

/** What a step of the plan carries for its executor. */
export type StepInput =
  | { readonly action: Exclude<Action, { kind: 'helm' | 'prerequisite' | 'push' | 'backup' }> }
  | { readonly action: Extract<Action, { kind: 'backup' }>; readonly backup: PlannedBackup }
  | {
      readonly action: Extract<Action, { kind: 'push' }>;
      readonly registry: string;
      readonly plainHttp: boolean;
    }
  | {
      readonly action: Extract<Action, { kind: 'helm' | 'prerequisite' }>;
      readonly release: string;
      readonly namespace: string;
      readonly chartSha: string;
      readonly valuesSha: string;
    }
  | {
      readonly action: { readonly kind: 'pull-secret'; readonly namespace: string };
      readonly registry: string;
    }
  | { readonly action: { readonly kind: 'canary' } & CanaryTarget; readonly registry: string };

const LOOKS = ['wait-healthy', 'prove-images', 'check-claims', 'check-ingress'] as const;
/** Kinds of steps whose effect is no part of the product. */
const TOUCHES: ReadonlyMap<string, PlanStep['touches']> = new Map([
  ...LOOKS.map((kind) => [kind, 'nothing'] as const),
  ...(['save-site', 'backup', 'push', 'create-namespaces', 'tls-from-values'] as const).map(
    (kind) => [kind, 'surroundings'] as const,
  ),
]);
/** Kinds of steps that change nothing at the site. */
const UNCHANGING: ReadonlySet<string> = new Set([...LOOKS, 'save-site', 'backup']);

/** Makes the whole plan out of what was read. Pure: the same facts give the same plan. */
export function makePlan(request: PlanRequest, site: Observation): InstallPlan {
  const { manifest } = request;
  const facts = factsOf(request, site);
  const product = composeSteps(facts);
  const releases = manifest.charts.map((chart) => planRelease({ request, site, product, chart }));
  const holds: string[] = [];
  const needed = product.filter((step) => {
    const held = alreadyHolds(step, { request, site, releases });
    if (held !== undefined) holds.push(held);
    return held === undefined;
  });
  const isAtRisk = needed.some((step) => risksData(step, facts));
  const steps = needed
    .filter(({ action }) => isAtRisk || action.kind !== 'backup')
    .filter(({ follows }) => follows === undefined || needed.some(({ id }) => id === follows))
    .map((step) => planStep(step, { request, site, releases }));
  const secrets = pullSecretSteps(site, releases);
  const at = steps.findIndex((step) => /^(helm|prerequisite):/.test(step.id));
  steps.splice(at < 0 ? steps.length : at, 0, ...secrets);
  const changes = steps.some((step) => !UNCHANGING.has(inputOf(step).action.kind));
  if (changes && request.canary) addCanary(steps, { site, releases, images: manifest.images.length });
  const plan: Plan = {
    kind: 'install',
    title: `${manifest.product} ${manifest.version} on ${site.cluster.context}`,
    bundleId: request.bundleId,
    clusterUid: site.cluster.uid,
    ...(releases.some(({ chart }) => current(runningFor(chart, site))) ? {} : { first: true }),
    // What is not changed needs no copy.
    steps: changes ? steps : steps.filter((step) => inputOf(step).action.kind !== 'save-site'),
  };
  return { plan, releases, holds, changes, facts };
}

/** The action of a step that this planner made. */
export function inputOf(step: PlanStep): StepInput {
  return step.input as unknown as StepInput;
}

/** What the plan does about a backup; undefined when nothing in it risks data. */
export function backupIn(plan: Plan): PlannedBackup | undefined {
  return plan.steps.find(({ id }) => id === BACKUP_STEP)?.input?.['backup'] as PlannedBackup | undefined;
}

/** True for every step after the backup: once one is begun, a backup shows what was before it no more. */
export function isBehindBackup(plan: Plan, id: string): boolean {
  const at = plan.steps.findIndex((step) => step.id === BACKUP_STEP);
  return at >= 0 && plan.steps.findIndex((step) => step.id === id) > at;
}

function factsOf(request: PlanRequest, site: Observation): Facts {
  const { manifest, domain } = request;
  const byRole = (role: BundleChart['role']): BundleChart | undefined =>
    manifest.charts.find((chart) => chart.role === role);
  const backend = parseVersion(byRole('control-plane')?.version ?? '');
  const cluster = parseVersion(byRole('cluster')?.version ?? '');
  const prerequisites = manifest.charts.filter((chart) => chart.role === 'prerequisite');
  return {
    site: site.product,
    target: {
      ...(backend === undefined ? {} : { backend }),
      ...(cluster === undefined ? {} : { cluster }),
      images: site.registry ? 'push' : manifest.images.length > 0 ? 'leave' : 'none',
      crds: manifest.crds.length > 0,
      prerequisites: prerequisites.map(({ release, namespace, name }) => ({
        release,
        namespace,
        chart: name,
      })),
      ...(domain === undefined ? {} : { domain }),
    },
  };
}

interface ReleaseContext {
  readonly request: PlanRequest;
  readonly site: Observation;
  readonly product: readonly ProductStep[];
  readonly chart: BundleChart;
}

function planRelease({ request, site, product, chart }: ReleaseContext): PlannedRelease {
  const facts = site.releases.get(chart.release);
  const running = current(runningFor(chart, site));
  const carried = carriedValues({ request, site, product, chart });
  const values = releaseValues({
    chart,
    running: carried.values,
    ...(site.registry === undefined ? {} : { registry: site.registry.address }),
    pullSecret: site.registry?.needsLogin ?? false,
    overrides: request.overrides[chart.role],
    settings: settingsFor(chart, product, request.overrides[chart.role]),
  });
  const chartSha = request.manifest.entries.find((entry) => entry.path === chart.path)?.sha256 ?? '';
  const valuesSha = digestOf(values);
  const decision = decide({
    revisions: facts?.revisions ?? [],
    wanted: { chart: chartSha, values: valuesSha },
    helmGone: true,
  });
  const { translated, dropped, lost } = carried;
  const defaults = request.defaults?.get(chart.release) ?? {};
  return {
    ...{ chart, chartSha, values, valuesSha, decision, carried: { translated, dropped, lost } },
    effective: effectiveValues(defaults, values),
    changes: diffEffective(sideBefore(running, { defaults, chartSha }), { defaults, values }),
  };
}

/**
 * What runs, to be compared with what comes. A first install changes no default; and helm's record of this very chart
 * lacks subcharts that were disabled, which would look like new ones.
 */
function sideBefore(
  running: Release | undefined,
  next: { readonly defaults: Values; readonly chartSha: string },
): ValuesSide {
  if (running === undefined) return { defaults: next.defaults, values: {} };
  const isSame = parseFingerprint(running.description)?.chart === next.chartSha;
  return { defaults: isSame ? next.defaults : running.defaults, values: running.values };
}

/** What the chart comes instead of: very old clusters' release has another name. */
function runningFor({ role, release }: BundleChart, { releases, product }: Observation) {
  return releases.get(role === 'cluster' ? (product.clusterRelease ?? release) : release);
}

/** The values of what runs, under the keys of the version that comes. */
function carriedValues({ request, site, chart }: ReleaseContext): Translation {
  const running = current(runningFor(chart, site));
  if (running === undefined || chart.role === 'prerequisite') {
    return { values: { ...running?.values }, translated: [], dropped: [], lost: [] };
  }
  const newDefaults = request.defaults?.get(chart.release);
  return carryValues({
    role: chart.role,
    running,
    target: chart.version,
    passwords: site.passwords,
    ...(newDefaults === undefined ? {} : { newDefaults }),
  });
}

const CLAIM_KEYS: readonly string[] = Object.values(CLAIM_SETTINGS);

/** Which claim holds the data the operator may know better; preflight-upgrade.ts tells when he says so. */
function settingsFor(chart: BundleChart, product: readonly ProductStep[], own: Overrides): Settings {
  const given = applyOverrides({}, own);
  for (const { action } of product)
    if (action.kind === 'helm' && action.role === chart.role)
      return Object.fromEntries(
        Object.entries(action.settings).filter(
          ([key]) => !CLAIM_KEYS.includes(key) || valueAt(given, key.split('.')) === undefined,
        ),
      );
  return {};
}

interface StepContext {
  readonly request: PlanRequest;
  readonly site: Observation;
  readonly releases: readonly PlannedRelease[];
}

/** Says in words what holds already; undefined when the step is needed. */
function alreadyHolds({ action }: ProductStep, { request, site, releases }: StepContext): string | undefined {
  if (action.kind === 'push') {
    const { registry } = site;
    if (request.skipPush) return 'images are not pushed: --skip-push';
    return registry && isPushed(registry.state)
      ? `all ${registry.state.images} images are in ${registry.address.text}`
      : undefined;
  }
  if (action.kind === 'crds')
    return site.crds.toApply.length === 0
      ? `all ${site.crds.inFile} custom resource definitions are the bundle's`
      : undefined;
  if (action.kind === 'helm' || action.kind === 'prerequisite') {
    const planned = releaseOf(action, releases);
    if (planned?.decision.do !== 'keep') return undefined;
    const { release, name, version } = planned.chart;
    return `release ${release} is ${name} ${version} with these values (revision ${planned.decision.revision})`;
  }
  return undefined;
}

function releaseOf(
  action: Extract<Action, { kind: 'helm' | 'prerequisite' }>,
  releases: readonly PlannedRelease[],
): PlannedRelease | undefined {
  const name = action.kind === 'helm' ? action.release : action.chart.release;
  return releases.find(({ chart }) => chart.release === name);
}

function planStep(step: ProductStep, context: StepContext): PlanStep {
  const { action, follows: _follows, ...shown } = step;
  const backup = action.kind === 'backup' ? backupShown(backupOf(context.request)) : {};
  const touches = TOUCHES.get(action.kind);
  return {
    ...shown,
    ...backup,
    ...(touches === undefined ? {} : { touches }),
    input: { ...stepInput(action, context) },
  };
}

const backupOf = ({ backup = { kind: 'take' } }: PlanRequest): PlannedBackup => backup;

/** The step as the operator chose it. */
function backupShown(backup: PlannedBackup): Partial<PlanStep> {
  switch (backup.kind) {
    case 'take': {
      const where = backup.folder ?? 'the folder of the run';
      return { title: `back up objects, values, databases and metrics into ${where}, encrypted` };
    }
    case 'use':
      return {
        title: `check the backup ${backup.file} of ${backup.createdAt}`,
        command: `airgap backup verify ${backup.file}`,
      };
    case 'none':
      return {
        title: 'NO BACKUP is made (--no-backup): what the next steps lose cannot be brought back',
        command: 'airgap backup create -o FILE, by hand, before this',
        doneWhen: 'it is said',
      };
  }
}

function stepInput(action: Action, { request, site, releases }: StepContext): StepInput {
  if (action.kind === 'backup') return { action, backup: backupOf(request) };
  if (action.kind === 'push')
    return {
      action,
      registry: site.registry?.address.text ?? '',
      plainHttp: site.registry?.plainHttp ?? false,
    };
  if (action.kind !== 'helm' && action.kind !== 'prerequisite') return { action };
  const planned = releaseOf(action, releases);
  return {
    action,
    release: planned?.chart.release ?? '',
    namespace: planned?.chart.namespace ?? '',
    chartSha: planned?.chartSha ?? '',
    valuesSha: planned?.valuesSha ?? '',
  };
}
