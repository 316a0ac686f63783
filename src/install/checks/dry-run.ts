import { RELEASE_NAMESPACE, releaseNameOf } from '../../helm/marks.js';
import type { ReleaseName } from '../../helm/types.js';
import { mapPooled } from '../../io/pool.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { aside, isReplacedInQuota } from './aside.js';
import { type Answer, type Sent, tryChange, tryCreate } from './dry-run-send.js';
import { find, type Leaves, leavesBefore } from './leaving.js';
import { leavingWebhooks, webhookIn } from './leaving-webhooks.js';
import type { Check, Row } from './types.js';
import { uninstalledBy } from './uninstall.js';

const WIDTH = 4;
const SHOWN = 6;
const IMMUTABLE = /field is immutable|updates to statefulset spec for fields other than|is immutable/i;

/** What the API server says about one object. */
export interface DryRun extends Answer {
  /** StatefulSet runai-backend/keycloak */
  readonly name: string;
  /** It is there and is not the release's. */
  readonly foreign?: true;
}

/** Every object that helm would send, checked by the API server and kept nowhere (threats 106, 107, 113). */
export const dryRunChecks: readonly Check[] = [
  {
    row: { id: 'charts.dry-run', title: 'dry run of the charts' },
    applies: ({ bundle }) => bundle.manifest.charts.length > 0,
    run: async ({ client, made, recorded, rendered: render, signal }) => {
      const findings: Finding[] = [];
      const rendered = await render();
      const manifests = recorded();
      for (const release of rendered) {
        const { chart, decision } = release.planned;
        const row: Row = { id: `charts.dry-run.${chart.release}`, title: `dry run of ${chart.release}` };
        if (decision.do === 'keep') {
          findings.push({
            ...row,
            outcome: 'pass',
            seen: 'nothing is sent: the release is what the bundle gives',
          });
          continue;
        }
        const leaves = leavesBefore(release, { steps: made.plan.steps, manifests, rendered });
        // Helm forgets what it uninstalls: its successor is a new release.
        const isForgotten = uninstalledBy(made).some(({ release: name }) => name === chart.release);
        const own = isForgotten ? [] : (manifests.get(chart.release) ?? []);
        const sent = { chart, objects: release.objects };
        findings.push(judgeDryRun(row, await dryRun(client, sent, { leaves, recorded: own, signal })));
      }
      return findings;
    },
  },
];

export interface DryRunOptions {
  /** Objects that the plan takes away first. */
  readonly leaves: Leaves;
  /** What helm's record of the release has: helm changes these whatever their marks. */
  readonly recorded: readonly KubeObject[];
  readonly signal: AbortSignal;
}

interface Release {
  readonly chart: ReleaseName;
  readonly objects: readonly KubeObject[];
}

/** Sends every object of a release to be checked; the server keeps nothing. */
export async function dryRun(
  client: KubeClient,
  release: Release,
  options: DryRunOptions,
): Promise<DryRun[]> {
  const runs = await mapPooled(
    release.objects,
    WIDTH,
    async (object, signal) => dryRunOne(client, { release, object }, { ...options, signal }),
    options.signal,
  );
  const spoke = runs.some(({ outcome, why = '' }) => outcome === 'refused' && webhookIn(why) !== undefined);
  if (!spoke) return runs;
  const going = await leavingWebhooks(client, options.leaves, options.signal);
  return runs.map((run) => {
    const webhook = webhookIn(run.why ?? '');
    if (run.outcome !== 'refused' || webhook === undefined || !going.has(webhook)) return run;
    return {
      name: run.name,
      outcome: 'not-checked',
      why: `webhook ${webhook} answers, which goes away first`,
    };
  });
}

async function dryRunOne(
  client: KubeClient,
  { release, object }: { readonly release: Release; readonly object: KubeObject },
  { leaves, recorded, signal }: DryRunOptions,
): Promise<DryRun> {
  const { apiVersion = '', kind = '', metadata } = object;
  const resource = await client.resourceFor(apiVersion, kind, { signal });
  const bare = `${kind} ${metadata.name}`;
  if (resource === undefined)
    return { name: bare, outcome: 'not-checked', why: `${kind} is not defined yet` };
  const namespace = resource.namespaced ? (metadata.namespace ?? release.chart.namespace) : undefined;
  const name = namespace === undefined ? bare : `${kind} ${namespace}/${metadata.name}`;
  const place = { name: metadata.name, ...(namespace === undefined ? {} : { namespace }) };
  const found = await client.get(resource, place, { signal });
  const sent: Sent = { resource, object: placedIn(object, namespace), signal };
  if (found === undefined) return { name, ...(await tryCreate(client, sent)) };
  const live = { ...found, kind };
  if (leaves(live)) return { name, ...(await tryReplace(client, sent, live)) };
  const known = find(live, recorded, release.chart) !== undefined;
  const owner = foreignOwner(live, { ...release.chart, known });
  if (owner !== undefined) return { name, outcome: 'refused', why: owner, foreign: true };
  return { name, ...(await tryChange(client, sent)) };
}

/** The new one comes when the old one is gone; webhooks, quotas and schemas can judge it now all the same. */
async function tryReplace(client: KubeClient, sent: Sent, live: KubeObject): Promise<Answer> {
  const moved = aside(sent.object);
  if (moved === undefined) {
    const answer = await tryChange(client, sent);
    // It is not changed but made anew.
    if (answer.outcome !== 'refused' || !IMMUTABLE.test(answer.why ?? '')) return answer;
    return { outcome: 'not-checked', why: 'the old one is taken away first' };
  }
  const answer = await tryCreate(client, { ...sent, object: moved });
  const { outcome, why = '' } = answer;
  if (outcome !== 'refused') return answer;
  if (isReplacedInQuota(why, { from: live, to: sent.object })) return { outcome: 'accepted' };
  return { outcome, why: `${why} (sent as ${moved.metadata.name}: the old one is still there)` };
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
  const foreign = refused.filter((one) => one.foreign);
  const immutable = refused.filter(({ why = '' }) => IMMUTABLE.test(why));
  const lines = (runs: readonly DryRun[]): string =>
    runs
      .slice(0, SHOWN)
      .map(({ name }) => deleteLine(name))
      .join('; ');
  return [
    ...(foreign.length + immutable.length < refused.length
      ? ['mend what the server says (values, webhook, quota)']
      : []),
    ...(foreign.length === 0
      ? []
      : [`find out whose it is, keep what is needed of it, and take it away: ${lines(foreign)}`]),
    ...(immutable.length === 0
      ? []
      : [
          `a field that cannot be changed needs its object deleted right before the upgrade, which makes it anew: ${lines(immutable)}`,
        ]),
  ].join('; ');
}

/** `StatefulSet runai-backend/keycloak`. Not orphaned: pods of the old one would stand in the new one’s way. */
function deleteLine(object: string): string {
  const [kind = '', where = ''] = object.split(' ');
  const [namespace, name] = where.includes('/') ? where.split('/') : [undefined, where];
  return `kubectl delete ${kind.toLowerCase()} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`;
}

/** Helm refuses objects that are there and not marked as its release’s, unless its record has them. */
function foreignOwner(
  live: KubeObject,
  { release, namespace, known }: ReleaseName & { readonly known: boolean },
): string | undefined {
  const { annotations = {}, labels = {} } = live.metadata;
  const owner = releaseNameOf(live);
  const place = annotations[RELEASE_NAMESPACE] ?? namespace;
  if (owner === release && place !== namespace)
    return `is there already and belongs to release ${owner} of namespace ${place}`;
  if (owner === release && labels['app.kubernetes.io/managed-by'] === 'Helm') return undefined;
  if (owner !== undefined && owner !== release) return `is there already and belongs to release ${owner}`;
  return known ? undefined : 'is there already and belongs to no release; helm does not take it over';
}

function placedIn(object: KubeObject, namespace: string | undefined): KubeObject {
  if (namespace === undefined || object.metadata.namespace !== undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace } };
}
