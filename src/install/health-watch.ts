import { AirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import { releaseNameOf } from '../helm/marks.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../kube/types.js';
import { waitFor } from '../kube/wait.js';
import { printable, redact } from '../redact.js';
import { PUBLIC_MAP } from '../runai/names.js';
import { type HealthReport, judgeHealth, type NamespaceView } from './health.js';
import { valueAt } from './values.js';

export interface HealthOptions {
  /** Milliseconds; 15 minutes. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  readonly emit: Emit;
}

const DEFAULT_TIMEOUT = 15 * 60_000;
/** Health must hold this long, so that a crash right after the start is seen. */
const STEADY_MS = 3000;
const EVERY_MS = 1500;

/** A namespace, or what one Helm release has in it. */
export interface HealthPlace {
  readonly namespace: string;
  /** Only the workloads that bear the marks of this release; everything when absent. */
  readonly release?: string;
}

/** One look at a namespace. */
export async function readHealth(
  client: KubeClient,
  { namespace, release }: HealthPlace,
  signal?: AbortSignal,
): Promise<HealthReport> {
  const own = (object: KubeObject): boolean => release === undefined || releaseNameOf(object) === release;
  const list = (resource: Resource, fieldSelector?: string) =>
    client.list(resource, {
      namespace,
      ...(fieldSelector === undefined ? {} : { fieldSelector }),
      ...(signal === undefined ? {} : { signal }),
    });
  const [deployments, statefulSets, daemonSets, jobs, pods, claims, configs] = await Promise.all([
    list(RESOURCES.deployments),
    list(RESOURCES.statefulSets),
    list(RESOURCES.daemonSets),
    list(RESOURCES.jobs),
    list(RESOURCES.pods),
    list(RESOURCES.claims),
    list(RESOURCES.runaiConfigs),
  ]);
  const publicMap = await readPublicMap(
    client,
    { namespace, ...(release === undefined ? {} : { release }) },
    signal,
  );
  const view: NamespaceView = {
    deployments: deployments.filter(own),
    statefulSets: statefulSets.filter(own),
    daemonSets: daemonSets.filter(own),
    // Hooks are helm's to judge, Jobs of a CronJob come and go, and what an older release left says nothing.
    jobs: jobs.filter((job) => releaseNameOf(job) !== undefined && own(job)),
    pods,
    claims: claims.filter(own),
    configs: configs.filter(own),
    events: [],
    ...(publicMap === undefined ? {} : { publicMap }),
  };
  const quick = judgeHealth(namespace, view);
  if (quick.healthy) return quick;
  const events = await list(RESOURCES.events, 'type=Warning');
  events.sort((a, b) => timeOf(b).localeCompare(timeOf(a)));
  return judgeHealth(namespace, { ...view, events });
}

/** What the cluster part says about itself; it is no workload of a single release. */
async function readPublicMap(
  client: KubeClient,
  { namespace, release }: HealthPlace,
  signal: AbortSignal | undefined,
): Promise<KubeObject | undefined> {
  const { namespace: own, name } = PUBLIC_MAP;
  if (release !== undefined || namespace !== own) return undefined;
  return client.get(RESOURCES.configMaps, { namespace, name }, signal === undefined ? {} : { signal });
}

/**
 * Waits until a namespace is healthy and stays so for a moment.
 * @throws AirgapError NOT_HEALTHY with everything that is not ready and why
 */
export async function waitHealthy(
  client: KubeClient,
  place: HealthPlace,
  options: HealthOptions,
): Promise<HealthReport> {
  const timeout = options.timeout ?? DEFAULT_TIMEOUT;
  const { emit } = options;
  let since: number | undefined;
  let last: HealthReport | undefined;
  let told = '';
  const look = async (): Promise<HealthReport | undefined> => {
    last = await readHealth(client, place, options.signal);
    const done = last.workloads - last.troubles.length;
    const current = last.troubles[0];
    emit({
      type: 'progress',
      stage: `wait:${place.release ?? place.namespace}`,
      done: Math.max(0, done),
      total: last.workloads,
      unit: 'items',
      ...(current === undefined
        ? {}
        : { current: `${current.what}: ${current.reasons[0] ?? current.state}` }),
    });
    told = tellNews(last, told, emit);
    if (!last.healthy) since = undefined;
    else since ??= performance.now();
    if (last.troubles.some((trouble) => trouble.final))
      throw notHealthy(last, 'and will not become so by waiting');
    return since !== undefined && performance.now() - since >= STEADY_MS ? last : undefined;
  };
  const report = await waitFor(look, {
    timeout,
    every: EVERY_MS,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (report) return report;
  if (last?.healthy) return last;
  throw notHealthy(last, `after ${Math.round(timeout / 1000)} s`);
}

/** Says once what keeps a pull from succeeding: minutes before the time is over. */
function tellNews(report: HealthReport, told: string, emit: Emit): string {
  const reason = report.troubles
    .flatMap((trouble) => trouble.reasons)
    .find((text) => /cannot be pulled/.test(text));
  if (reason === undefined || reason === told) return told;
  emit({ type: 'note', level: 'warn', text: printable(redact(reason), 500) });
  return reason;
}

function notHealthy(report: HealthReport | undefined, when: string): AirgapError {
  const troubles = report?.troubles ?? [];
  const namespace = report?.namespace ?? '';
  return new AirgapError('NOT_HEALTHY', `what runs in ${namespace} is not healthy ${when}`, {
    expected: `${report?.workloads ?? 0} workloads ready`,
    found: `${troubles.length} not ready`,
    faults: troubles.map(({ what, state, reasons }) => ({
      where: what,
      what: printable(redact([state, ...reasons].join('; ')), 1500),
    })),
  });
}

function timeOf(event: unknown): string {
  const time = valueAt(event, ['lastTimestamp']) ?? valueAt(event, ['eventTime']);
  return typeof time === 'string' ? time : '';
}
