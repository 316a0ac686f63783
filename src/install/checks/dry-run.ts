import { isAirgapError } from '../../errors.js';
import type { ReleaseName } from '../../helm/types.js';
import { mapPooled } from '../../io/pool.js';
import { statusOf } from '../../kube/fault.js';
import { collectionPath, objectPath, withQuery } from '../../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../../kube/types.js';
import { FIELD_MANAGER } from '../../kube/write.js';
import type { Finding } from '../findings.js';
import { leavesBefore } from './leaving.js';
import type { Check, Row } from './types.js';

const WIDTH = 4;
const SHOWN = 6;
const OWNER = 'meta.helm.sh/release-name';
const IMMUTABLE = /field is immutable|updates to statefulset spec for fields other than|is immutable/i;
const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';

/** What the API server says about one object. */
export interface DryRun {
  /** StatefulSet runai-backend/keycloak */
  readonly name: string;
  readonly outcome: 'accepted' | 'refused' | 'not-checked';
  readonly why?: string;
}

/** Every object that helm would send, checked by the API server and kept nowhere (threats 106, 107, 113). */
export const dryRunChecks: readonly Check[] = [
  {
    row: { id: 'charts.dry-run', title: 'dry run of the charts' },
    applies: ({ bundle }) => bundle.manifest.charts.length > 0,
    run: async ({ client, made, rendered, signal }) => {
      const findings: Finding[] = [];
      for (const release of await rendered()) {
        const { release: name } = release.planned.chart;
        const row: Row = { id: `charts.dry-run.${name}`, title: `dry run of ${name}` };
        const { decision } = release.planned;
        if (decision.do === 'keep') {
          findings.push({
            ...row,
            outcome: 'pass',
            seen: 'nothing is sent: the release is what the bundle gives',
          });
          continue;
        }
        const leaves = leavesBefore(made.plan.steps, release);
        const { objects, planned } = release;
        findings.push(
          judgeDryRun(row, await dryRun(client, { chart: planned.chart, objects }, { leaves, signal })),
        );
      }
      return findings;
    },
  },
];

export interface DryRunOptions {
  /** Objects that the plan takes away first. */
  readonly leaves: (object: KubeObject, namespace: string) => boolean;
  readonly signal: AbortSignal;
}

/** Sends every object of a release to be checked; the server keeps nothing. */
export async function dryRun(
  client: KubeClient,
  release: { readonly chart: ReleaseName; readonly objects: readonly KubeObject[] },
  { leaves, signal }: DryRunOptions,
): Promise<DryRun[]> {
  return mapPooled(
    release.objects,
    WIDTH,
    async (object, inner): Promise<DryRun> => {
      const { namespace: own } = release.chart;
      const resource = await client.resourceFor(object.apiVersion ?? '', object.kind ?? '', {
        signal: inner,
      });
      const name = `${object.kind} ${object.metadata.name}`;
      if (resource === undefined)
        return { name, outcome: 'not-checked', why: `${object.kind} is not defined yet` };
      const namespace = resource.namespaced ? (object.metadata.namespace ?? own) : undefined;
      const full = namespace === undefined ? name : `${object.kind} ${namespace}/${object.metadata.name}`;
      if (leaves(object, namespace ?? own))
        return { name: full, outcome: 'not-checked', why: 'the old one is taken away first' };
      const placed = placedIn(object, namespace);
      const live = await client.get(
        resource,
        { name: object.metadata.name, ...(namespace === undefined ? {} : { namespace }) },
        { signal: inner },
      );
      const owner = live && foreignOwner(live, release.chart.release);
      if (owner !== undefined) return { name: full, outcome: 'refused', why: owner };
      return {
        name: full,
        ...(await send(client, { resource, object: placed, exists: live !== undefined, signal: inner })),
      };
    },
    signal,
  );
}

export function judgeDryRun<Id extends string>(
  row: { readonly id: Id; readonly title: string },
  runs: readonly DryRun[],
): Finding<Id> {
  const refused = runs.filter(({ outcome }) => outcome === 'refused');
  const skipped = runs.filter(({ outcome }) => outcome === 'not-checked');
  const reasons = [...new Set(skipped.map(({ why }) => why))].map(
    (why) => `${skipped.filter((one) => one.why === why).length} not checked: ${why}`,
  );
  const rest = reasons.length === 0 ? '' : `; ${reasons.join('; ')}`;
  if (refused.length > 0) {
    const list = refused.slice(0, SHOWN).map(({ name, why }) => `${name}: ${why}`);
    const more = refused.length > SHOWN ? `; ${refused.length - SHOWN} more` : '';
    return {
      ...row,
      outcome: 'fail',
      seen: `${refused.length} of ${runs.length} objects are refused: ${list.join('; ')}${more}${rest}`,
      expected: 'objects that the API server takes',
      advice: adviceFor(refused),
    };
  }
  const accepted = runs.length - skipped.length;
  const outcome = accepted === 0 && runs.length > 0 ? 'not-checked' : 'pass';
  return { ...row, outcome, seen: `${accepted} of ${runs.length} objects accepted${rest}` };
}

/** An object with a field that cannot be changed has to go first; the claims of a StatefulSet stay. */
function adviceFor(refused: readonly DryRun[]): string {
  const immutable = refused.filter(({ why = '' }) => IMMUTABLE.test(why));
  const general = 'mend what the server says (values, webhook, quota)';
  if (immutable.length === 0) return general;
  const lines = immutable.slice(0, SHOWN).map(({ name }) => deleteLine(name));
  const others = immutable.length < refused.length ? `${general}; ` : '';
  return `${others}a field that cannot be changed needs its object deleted right before the upgrade, which makes it anew: ${lines.join('; ')}`;
}

/** `StatefulSet runai-backend/keycloak`. Not orphaned: pods of the old one would stand in the new one’s way. */
function deleteLine(object: string): string {
  const [kind = '', where = ''] = object.split(' ');
  const [namespace, name] = where.includes('/') ? where.split('/') : [undefined, where];
  return `kubectl delete ${kind.toLowerCase()} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`;
}

interface Sent {
  readonly resource: Resource;
  readonly object: KubeObject;
  readonly exists: boolean;
  readonly signal: AbortSignal;
}

async function send(
  client: KubeClient,
  { resource, object, exists, signal }: Sent,
): Promise<Omit<DryRun, 'name'>> {
  const { name, namespace } = object.metadata;
  const query = { fieldManager: FIELD_MANAGER, dryRun: 'All' };
  const path = objectPath(resource, { name, ...(namespace === undefined ? {} : { namespace }) });
  const body = JSON.stringify(object);
  try {
    if (!exists) {
      const where = withQuery(collectionPath(resource, namespace), query);
      await client.request({ method: 'POST', path: where, body, signal });
      return { outcome: 'accepted' };
    }
    const applied = withQuery(path, { ...query, force: 'true' });
    await client.request({ method: 'PATCH', path: applied, body, contentType: APPLY, signal });
    return { outcome: 'accepted' };
  } catch (error) {
    const why = reasonOf(error);
    if (exists && /duplicate entries for key/.test(why))
      return merged(client, withQuery(path, query), { body, signal });
    if (
      !isAirgapError(error, 'CLUSTER_REFUSED') &&
      !isAirgapError(error, 'CLUSTER_DENIED') &&
      !isAirgapError(error, 'CLUSTER_UNREACHABLE')
    )
      throw error;
    const status = statusOf(error);
    if (status?.code === 404 && /could not find the requested resource|page not found/.test(status.message))
      return { outcome: 'not-checked', why: `${resource.kind} is not defined yet` };
    if (status?.code === 404 && namespace !== undefined)
      return { outcome: 'not-checked', why: `namespace ${namespace} is not there yet` };
    return { outcome: 'refused', why };
  }
}

/** Lists with the same key twice pass with helm, whose patches are not server-side apply. */
async function merged(
  client: KubeClient,
  path: string,
  { body, signal }: { readonly body: string; readonly signal: AbortSignal },
): Promise<Omit<DryRun, 'name'>> {
  try {
    await client.request({ method: 'PATCH', path, body, contentType: MERGE, signal });
    return { outcome: 'accepted' };
  } catch (error) {
    return { outcome: 'refused', why: reasonOf(error) };
  }
}

/** Helm refuses objects that are there and not marked as its release’s. */
function foreignOwner(live: KubeObject, release: string): string | undefined {
  const { annotations = {}, labels = {} } = live.metadata;
  if (annotations[OWNER] === release && labels['app.kubernetes.io/managed-by'] === 'Helm') return undefined;
  const other = annotations[OWNER];
  return other === undefined
    ? 'is there already and belongs to no release; helm does not take it over'
    : `is there already and belongs to release ${other}`;
}

function placedIn(object: KubeObject, namespace: string | undefined): KubeObject {
  if (namespace === undefined || object.metadata.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}

function reasonOf(error: unknown): string {
  const message = statusOf(error)?.message;
  if (message !== undefined && message !== '') return message.slice(0, 400);
  return error instanceof Error ? error.message : String(error);
}
