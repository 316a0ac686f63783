import type { BundleChart } from '../bundle/manifest.js';
import type { Plan, PlanStep } from '../run/types.js';
import type { DatabaseFacts, VolumeFacts } from './archive/types.js';
import {
  accessStep,
  applyStep,
  besideStep,
  crdsStep,
  dropStep,
  prerequisiteSteps,
  pullSecretStep,
  pushStep,
  rebindStep,
  releaseSteps,
  rolesStep,
  safetyStep,
  snapshotStep,
  swapStep,
  volumeStep,
  waitStep,
} from './plan-steps.js';
import type { RestoreChoice } from './restore-types.js';
import type { Rewrite } from './rewrite.js';
import type { FoundSnapshot } from './snapshot-find.js';

/** What a restore is planned from. Names and digests only. */
export interface RestoreFacts {
  readonly backupId: string;
  readonly bundleId: string;
  readonly clusterUid: string;
  readonly context: string;
  readonly choices: ReadonlySet<RestoreChoice>;
  /** Something runs at the target: it is saved, then replaced. */
  readonly replace: boolean;
  readonly registry?: { readonly text: string; readonly plainHttp: boolean };
  /** Namespaces that need a login for the registry. */
  readonly pullSecrets: readonly string[];
  /** Charts of the bundle that are to be installed, with the digests of chart and values. */
  readonly releases: readonly {
    readonly chart: BundleChart;
    readonly chartSha: string;
    readonly valuesSha: string;
  }[];
  readonly hasCrds: boolean;
  /** Databases with something in them. */
  readonly databases: readonly DatabaseFacts[];
  /** The customer's own server that they are restored on, in words. */
  readonly externalDatabase?: string;
  /** Copies of volumes. */
  readonly volumes: readonly VolumeFacts[];
  /** Volumes of the target that get their claims back. */
  readonly rebinds: readonly Rebind[];
  /** Claims that are made from snapshots of the target. */
  readonly snapshots: readonly FoundSnapshot[];
  /** Roles of the parts that the backup has. */
  readonly roles: ReadonlySet<string>;
  /** What is written otherwise than it was saved. */
  readonly rewrite: Rewrite;
  /** `namespace/name` of saved secrets that are not put back. */
  readonly leave: readonly string[];
  /** Image for pods that write volumes; there whenever there are copies. */
  readonly helperImage?: string;
}

/** A volume of the target and the claim that it belongs to. */
export interface Rebind {
  readonly namespace: string;
  readonly claim: string;
  /** Name of the PersistentVolume. */
  readonly volume: string;
  readonly volumeUid: string;
}

/** What a step of ours carries for its executor. */
export type RestoreAction =
  | { readonly kind: 'safety-backup' }
  | {
      readonly kind: 'apply';
      readonly roles: readonly string[];
      readonly rewrite?: Rewrite;
      readonly leave?: readonly string[];
    }
  | ({ readonly kind: 'rebind' } & Rebind)
  | ({ readonly kind: 'snapshot' } & FoundSnapshot)
  | {
      readonly kind: 'volume';
      readonly namespace: string;
      readonly claim: string;
      readonly part: string;
      readonly image: string;
      /** What was on it is in the safety backup. */
      readonly replaces?: true;
    }
  | { readonly kind: 'globals' | 'external-access' }
  | { readonly kind: 'swap'; readonly databases: readonly string[] }
  | { readonly kind: 'database' | 'drop-old'; readonly database: string };

/**
 * The ordered steps of a restore (domain: Kubernetes, namespaces, volumes, control plane, data, cluster, bindings).
 * What was there goes on unchanged until the restored database is proven to be the saved one. Pure.
 */
export function makeRestorePlan(facts: RestoreFacts): Plan {
  const { choices, replace, registry } = facts;
  const releases = choices.has('releases');
  const volumes = facts.volumes.map((volume) => volumeStep(volume, facts));
  const control = releases
    ? releaseSteps(facts.releases.find(({ chart }) => chart.role === 'control-plane'))
    : [];
  const external = facts.externalDatabase !== undefined;
  const needsImages = releases || volumes.length > 0 || external;
  const steps: PlanStep[] = [
    ...(replace ? [safetyStep()] : []),
    ...(needsImages && registry ? [pushStep(registry)] : []),
    ...(releases ? prerequisites(facts) : []),
    applyStep('namespaces', 'the product’s namespaces', { roles: ['namespaces'] }),
    ...secretSteps(facts),
    // Whatever runs or is installed after it finds the restored database already.
    ...(external ? databaseSteps(facts) : []),
    ...facts.rebinds.map(rebindStep),
    ...facts.snapshots.map(snapshotStep),
    ...(replace ? [] : volumes),
    ...control,
    ...(external ? [] : databaseSteps(facts)),
    ...(replace ? volumes : []),
    ...((facts.databases.length > 0 && (replace || !external)) || (replace && volumes.length > 0)
      ? [waitStep('runai-backend', 'wait:runai-backend:restored')]
      : []),
    ...(replace || external ? [] : facts.databases.map(dropStep)),
    ...(releases && facts.hasCrds ? [crdsStep()] : []),
    ...(releases ? releaseSteps(facts.releases.find(({ chart }) => chart.role === 'cluster')) : []),
    ...lastSteps(facts),
  ];
  return {
    kind: 'restore',
    title: `backup ${facts.backupId.slice(0, 12)} on ${facts.context}`,
    bundleId: facts.bundleId,
    clusterUid: facts.clusterUid,
    steps,
  };
}

/** The action of a step that this planner made for recovery itself; undefined for those that install does. */
export function restoreActionOf(step: PlanStep): RestoreAction | undefined {
  return step.input?.['restore'] as RestoreAction | undefined;
}

function prerequisites({ releases }: RestoreFacts): PlanStep[] {
  return prerequisiteSteps(releases.filter(({ chart }) => chart.role === 'prerequisite'));
}

function secretSteps({ choices, leave, pullSecrets, registry }: RestoreFacts): PlanStep[] {
  const left = leave.length === 0 ? {} : { leave };
  return [
    ...(choices.has('secrets') ? [applyStep('secrets', 'secrets', { roles: ['secrets'], ...left })] : []),
    ...(registry && choices.has('releases')
      ? pullSecrets.map((namespace) => pullSecretStep(namespace, registry.text))
      : []),
  ];
}

function databaseSteps({ databases, externalDatabase: place }: RestoreFacts): PlanStep[] {
  if (databases.length === 0) return [];
  const names = databases.map(({ name }) => name);
  return [
    ...(place === undefined ? [] : [accessStep(names, place)]),
    rolesStep(place),
    ...databases.map((database) => besideStep(database, place)),
    swapStep(names, place),
  ];
}

function lastSteps({ choices, roles: saved, rewrite }: RestoreFacts): PlanStep[] {
  const rows: readonly (readonly [RestoreChoice, string, readonly string[]])[] = [
    ['config', 'RunaiConfig, projects, departments and node pools', ['custom-resources', 'runaiconfig']],
    [
      'rbac',
      'namespaces of projects, roles and bindings',
      ['project-namespaces', 'project-rbac', 'people-rbac'],
    ],
    ['assets', 'what users made', ['user-assets']],
    ['ingress', 'ingresses with their patches', ['ingress']],
  ];
  const changed = Object.keys(rewrite).length === 0 ? {} : { rewrite };
  return rows.flatMap(([choice, what, roles]) =>
    choices.has(choice) && roles.some((role) => saved.has(role))
      ? [applyStep(choice, what, { roles, ...changed })]
      : [],
  );
}
