import { releaseNameOf } from '../../helm/marks.js';
import { decodeRelease, isDecoded, type Release } from '../../helm/release.js';
import { mapPooled } from '../../io/pool.js';
import { readLiveCrds } from '../../kube/crd-apply.js';
import { checkCrds, type LiveCrd, sameSpec } from '../../kube/crd-check.js';
import type { Crd } from '../../kube/crd-file.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import type { ObjectRef } from '../../runai/names.js';
import { readCrdObjects } from '../checks/crd-objects.js';
import { type DryRun, dryRun } from '../checks/dry-run.js';
import { readCluster, readRelease } from '../observe.js';
import { current } from '../observe-product.js';
import { inputOf } from '../plan.js';
import { savedElsewhere } from '../saved-elsewhere.js';
import {
  ADDED_CRDS_NAME,
  CRDS_NAME,
  revisionsName,
  SITE_MARK,
  savedValuesName,
  uninstalledName,
} from '../saved-names.js';
import type { ClusterFacts, ReleaseFacts } from '../site.js';
import type { RevisionSecret } from '../steps/helm-record.js';
import { objectsOf } from './content.js';
import { whyFixed } from './immutable.js';
import { kindOf, type Origin } from './origin.js';

const WIDTH = 6;

export type Role = 'cluster' | 'control-plane' | 'prerequisite';

/** A release that the run touched, as it was and as it is. Values and manifests may hold secrets. */
export interface TouchedRelease {
  readonly role: Role;
  readonly release: string;
  readonly namespace: string;
  /** The revision before the run; absent when the run installed the release anew, or in another one's place. */
  readonly before?: Release;
  /** Whether helm itself was begun on it by the run. */
  readonly upgraded: boolean;
  /** True when the run uninstalled the release and its record is gone from the cluster. */
  readonly recordGone: boolean;
  readonly live: ReleaseFacts;
  /** The release of another name that the run installed in the place of the one that it uninstalled. */
  readonly successor?: ReleaseFacts;
  /** Objects of the old revision that are not there, or about to go. */
  readonly missing: readonly string[];
  /** Live workloads that cannot become what the old revision says. */
  readonly fixed: readonly { readonly ref: ObjectRef; readonly why: string }[];
  /** What the API server says to the objects of the old revision. */
  readonly dryRun: readonly DryRun[];
}

/** Definitions that the run changed. */
export interface CrdChanges {
  /** Names of those that can go back. */
  readonly back: readonly string[];
  readonly stay: readonly { readonly name: string; readonly why: string }[];
  /** Those that the run brought: none is ever deleted, for with it goes every object of its kind. */
  readonly added: readonly string[];
  /** The run may have changed some, and no copy of what they were is to be had here. */
  readonly unknown?: true;
}

export interface RollbackObservation {
  readonly cluster: ClusterFacts;
  readonly releases: readonly TouchedRelease[];
  readonly crds: CrdChanges;
}

/**
 * Reads what the run changed, as it is now; changes nothing.
 * @throws AirgapError DECISION_NEEDED when what the run saved of a release is not to be had here
 */
export async function observeRollback(
  client: KubeClient,
  origin: Origin,
  signal: AbortSignal,
): Promise<RollbackObservation> {
  const cluster = await readCluster(client, { signal });
  const releases: TouchedRelease[] = [];
  for (const ref of releasesOf(origin)) releases.push(await readTouched(client, { ref, origin, signal }));
  return { cluster, releases, crds: await readCrds(client, origin, signal) };
}

interface Ref {
  readonly role: Role;
  readonly release: string;
  readonly namespace: string;
  readonly upgraded: boolean;
  readonly uninstalled: boolean;
  /** Name of the release that came in its place, where that is another one. */
  readonly successor?: string;
}

/** Steps of a release beside helm's own, by the role that they belong to. */
const ROLE_OF: Readonly<Record<string, Role>> = {
  'delete-leftovers': 'cluster',
  'restore-runaiconfig': 'cluster',
  'restore-subjects': 'cluster',
  'delete-objects': 'control-plane',
  'delete-owned': 'control-plane',
  'restore-secrets': 'control-plane',
  'restore-ingress': 'control-plane',
  'restore-routes': 'control-plane',
};
const ORDER: readonly Role[] = ['cluster', 'control-plane', 'prerequisite'];

/** The releases that the run touched: by helm, or by taking something of theirs away. Cluster part first. */
export function releasesOf({ plan, touched }: Pick<Origin, 'plan' | 'touched'>): Ref[] {
  const done = plan.steps.filter(({ id }) => touched.has(id));
  const roles = new Set(done.map((step) => ROLE_OF[kindOf(step)]));
  const uninstalled = done.map((step) => inputOf(step).action).find(({ kind }) => kind === 'helm-uninstall');
  const refs = plan.steps.flatMap((step): Ref[] => {
    const { action } = inputOf(step);
    const upgraded = touched.has(step.id);
    if (action.kind === 'prerequisite')
      return upgraded ? [{ role: 'prerequisite', ...pick(action.chart), upgraded, uninstalled: false }] : [];
    if (action.kind !== 'helm') return [];
    const { role } = action;
    if (role === 'cluster' && uninstalled?.kind === 'helm-uninstall') {
      const successor = uninstalled.release === action.release ? {} : { successor: action.release };
      return [{ role, ...pick(uninstalled), upgraded, uninstalled: true, ...successor }];
    }
    return upgraded || roles.has(role) ? [{ role, ...pick(action), upgraded, uninstalled: false }] : [];
  });
  return refs.sort((a, b) => ORDER.indexOf(a.role) - ORDER.indexOf(b.role));
}

function pick({ release, namespace }: { readonly release: string; readonly namespace: string }) {
  return { release, namespace };
}

interface Sources {
  readonly ref: Ref;
  readonly origin: Origin;
  readonly signal: AbortSignal;
}

async function readTouched(client: KubeClient, { ref, origin, signal }: Sources): Promise<TouchedRelease> {
  const { role, release, namespace, upgraded, uninstalled } = ref;
  const live = await readRelease(client, ref, { signal });
  const successor =
    ref.successor === undefined
      ? undefined
      : await readRelease(client, { release: ref.successor, namespace }, { signal });
  const name = uninstalled ? uninstalledName(release) : revisionsName(release);
  await demandRecord(ref, name, origin);
  const saved = await savedRevisions(origin, name);
  const before = upgraded || uninstalled ? current({ revisions: saved.map(decodeRelease) }) : current(live);
  const found = { live, ...(successor === undefined ? {} : { successor }) };
  const base = { role, release, namespace, upgraded, ...found, missing: [], fixed: [], dryRun: [] };
  if (before === undefined) return { ...base, recordGone: false };
  const recordGone = !live.revisions.some(
    (one) => isDecoded(one) && one.revision === before.revision && one.chart.version === before.chart.version,
  );
  const objects = objectsOf(before);
  const looked = await findAllLive(client, { objects, namespace, signal });
  const missing = looked.filter((one) => !isToStay(one.live)).map(({ object }) => nameOf(object));
  const fixed = looked.flatMap(({ object, live: there }) => {
    const why = there && whyFixed(there, object);
    return why === undefined ? [] : [{ ref: refOf(object, namespace), why }];
  });
  const leaves = (object: KubeObject): boolean =>
    (successor !== undefined && releaseNameOf(object) === successor.release) ||
    fixed.some((one) => one.ref.kind === object.kind && one.ref.name === object.metadata.name);
  const sent = await dryRun(
    client,
    { chart: { release, namespace }, objects },
    { leaves, recorded: [], signal },
  );
  return { ...base, before, recordGone, missing, fixed, dryRun: sent };
}

/** A record that is not to be had is no sign that there was none: what would be called new holds data. */
async function demandRecord(
  { release, upgraded, uninstalled }: Ref,
  name: string,
  origin: Origin,
): Promise<void> {
  const { saved, identity } = origin;
  if ((!upgraded && !uninstalled) || (await saved.get(name)) !== undefined) return;
  if (!uninstalled && !(await mayHaveBeen(release, origin))) return;
  const command = `airgap rollback --run ${identity.runId}`;
  throw await savedElsewhere(saved, { what: `release ${release}`, name, command });
}

/** What save-site kept says whether there was such a release; when nothing of that is here either, nobody knows. */
async function mayHaveBeen(release: string, { saved, plan, touched }: Origin): Promise<boolean> {
  if (plan.first === true) return false;
  if ((await saved.get(savedValuesName(release))) !== undefined) return true;
  const ran = plan.steps.some((step) => kindOf(step) === 'save-site' && touched.has(step.id));
  return ran && (await saved.get(SITE_MARK)) === undefined;
}

/** The live object of a manifest's one. */
export async function findLive(
  client: KubeClient,
  where: { readonly object: KubeObject; readonly namespace: string; readonly signal: AbortSignal },
): Promise<KubeObject | undefined> {
  const { object, signal } = where;
  const resource = await client.resourceFor(object.apiVersion ?? '', object.kind ?? '', { signal });
  if (resource === undefined) return undefined;
  const { name, namespace = where.namespace } = object.metadata;
  return client.get(resource, { name, ...(resource.namespaced ? { namespace } : {}) }, { signal });
}

/** The objects of a manifest, each with its live one. */
export async function findAllLive(
  client: KubeClient,
  where: {
    readonly objects: readonly KubeObject[];
    readonly namespace: string;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly object: KubeObject; readonly live: KubeObject | undefined }[]> {
  const { objects, namespace, signal } = where;
  return mapPooled(
    objects,
    WIDTH,
    async (object, inner) => ({ object, live: await findLive(client, { object, namespace, signal: inner }) }),
    signal,
  );
}

/** Whether there is an object that nobody deleted: one that was goes sooner or later, whatever is written to it. */
export function isToStay(live: KubeObject | undefined): boolean {
  return live !== undefined && live.metadata.deletionTimestamp === undefined;
}

export function nameOf(object: KubeObject): string {
  return `${object.kind?.toLowerCase()} ${object.metadata.name}`;
}

function refOf(object: KubeObject, release: string): ObjectRef {
  const { name, namespace = release } = object.metadata;
  return { apiVersion: object.apiVersion ?? '', kind: object.kind ?? '', name, namespace };
}

/** The record of a release as the run saved it; empty when the run found none. */
export async function savedRevisions(
  { saved }: Pick<Origin, 'saved'>,
  name: string,
): Promise<RevisionSecret[]> {
  const content = await saved.get(name);
  return content === undefined ? [] : (JSON.parse(content.toString('utf8')) as RevisionSecret[]);
}

/** The definitions as they were before the run; empty when it changed none. */
export async function savedCrds({ saved }: Pick<Origin, 'saved'>): Promise<LiveCrd[]> {
  const content = await saved.get(CRDS_NAME);
  return content === undefined ? [] : (JSON.parse(content.toString('utf8')) as LiveCrd[]);
}

/** The step writes this list last, also when it is empty. */
async function addedCrds({ saved }: Pick<Origin, 'saved'>): Promise<string[] | undefined> {
  const content = await saved.get(ADDED_CRDS_NAME);
  return content === undefined ? undefined : (JSON.parse(content.toString('utf8')) as string[]);
}

/** Which definitions may go back: what is stored in a version that the old one lacks keeps the new one. */
async function readCrds(client: KubeClient, origin: Origin, signal: AbortSignal): Promise<CrdChanges> {
  const applied = origin.plan.steps.some((step) => kindOf(step) === 'crds' && origin.touched.has(step.id));
  const before = applied ? await savedCrds(origin) : [];
  const added = applied ? await addedCrds(origin) : [];
  if (added === undefined) return { back: [], stay: [], added: [], unknown: true };
  if (before.length === 0) return { back: [], stay: [], added };
  const live = await readLiveCrds(client, before, signal);
  const changed = before.filter((old) => {
    const now = live.find(({ metadata }) => metadata.name === old.metadata.name);
    return now !== undefined && !sameSpec(old.spec, now.spec);
  });
  const { storedVersions, incompatible } = checkCrds(changed, live);
  const reasons = new Map<string, string>();
  const crdOf = (where: string): string => where.split(' ')[0] ?? '';
  for (const { where } of incompatible) reasons.set(crdOf(where), 'its scope or names are others now');
  for (const { where, expected } of storedVersions)
    reasons.set(crdOf(where), `${expected} is stored in the cluster, and the old one does not serve it`);
  const free = changed.filter(({ metadata }) => !reasons.has(metadata.name));
  for (const [name, why] of await refusedObjects(client, free, signal)) reasons.set(name, why);
  return {
    back: free.map(({ metadata }) => metadata.name).filter((name) => !reasons.has(name)),
    stay: [...reasons].map(([name, why]) => ({ name, why })),
    added,
  };
}

async function refusedObjects(
  client: KubeClient,
  crds: readonly Crd[],
  signal: AbortSignal,
): Promise<(readonly [string, string])[]> {
  const { offenders } = await readCrdObjects(client, crds, signal);
  return offenders.map(({ name }) => {
    const [crd = '', object = ''] = name.split(' ');
    return [crd, `the old schema would refuse ${object}`] as const;
  });
}
