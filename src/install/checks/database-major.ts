import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { OBJECTS } from '../../runai/names.js';
import { POSTGRES } from '../../runai/postgres.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { podSpecOf } from './rendered.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'database.major', title: 'PostgreSQL before and after' };
const CONTAINER = 'postgresql';
/** The version that the data directory is of is what the new server has to open; it runs with no other. */
const SCRIPT = `cat "\${PGDATA:-/bitnami/postgresql/data}/PG_VERSION" 2>/dev/null || postgres --version`;

/** What was read of the database that runs. */
export type RunningDatabase =
  /** `15` of PG_VERSION, or `postgres (PostgreSQL) 15.8`. */
  { readonly said: string } | { readonly unknown: string };

/**
 * Whether the chart's server opens the data directory that is there. A server of another major does not start on it,
 * and that would show after the deletes.
 */
export const databaseMajorCheck: Check = {
  row: ROW,
  applies: ({ made }) => made.releases.some(isUpgraded),
  run: async (context) => {
    const rendered = (await context.rendered()).find(({ planned }) => isUpgraded(planned));
    const image = databaseImage(rendered?.objects ?? []);
    // None where the values name a database of the site's own, which has its row.
    return image === undefined ? [] : [judgeMajor(await readRunning(context), image)];
  },
};

function isUpgraded({ chart, decision }: CheckContext['made']['releases'][number]): boolean {
  return chart.role === 'control-plane' && (decision.do === 'upgrade' || decision.do === 'repair');
}

/** The image that the chart's own database would run. Pure. */
export function databaseImage(objects: readonly KubeObject[]): string | undefined {
  const { kind, name } = OBJECTS.postgresSet;
  const set = objects.find((one) => one.kind === kind && one.metadata.name === name);
  const image = valueAt(set && containerOf(podSpecOf(set)), ['image']);
  return typeof image === 'string' ? image : undefined;
}

function containerOf(podSpec: unknown): unknown {
  const found = valueAt(podSpec, ['containers']);
  const containers = Array.isArray(found) ? found : [];
  return containers.find((one) => valueAt(one, ['name']) === CONTAINER) ?? containers[0];
}

async function readRunning({ client, signal }: CheckContext): Promise<RunningDatabase> {
  const { namespace, pod: name } = POSTGRES;
  const pod = await client.get(RESOURCES.pods, { namespace, name }, { signal });
  if (pod === undefined || valueAt(pod, ['status', 'phase']) !== 'Running')
    return { unknown: `the database pod ${namespace}/${name} does not run` };
  const container = String(valueAt(containerOf(pod['spec']), ['name']));
  const target = { namespace, pod: name, container, command: ['sh', '-c', SCRIPT] };
  const { exitCode, stdout, stderr } = await client.exec(target, { signal });
  if (exitCode === 0) return { said: stdout.toString('utf8').trim() };
  return { unknown: `pod ${namespace}/${name} does not say its version: ${stderr.trim() || exitCode}` };
}

/** Pure. */
export function judgeMajor(running: RunningDatabase, image: string): Finding {
  if ('unknown' in running) return { ...ROW, outcome: 'not-checked', seen: running.unknown };
  const before = /^(?:postgres \(PostgreSQL\) )?(\d+)/.exec(running.said)?.[1];
  const after = /:v?(\d+)(?:[.-][^/]*)?$/.exec(image.replace(/@.*$/, ''))?.[1];
  if (before === undefined)
    return { ...ROW, outcome: 'not-checked', seen: `no version is in “${running.said.slice(0, 100)}”` };
  if (after === undefined)
    return { ...ROW, outcome: 'not-checked', seen: `no version is in the name of the image ${image}` };
  if (before === after) return { ...ROW, outcome: 'pass', seen: `PostgreSQL ${before}, and ${image}` };
  return {
    ...ROW,
    outcome: 'fail',
    seen: `the data directory is of PostgreSQL ${before}, and the chart brings ${image}`,
    expected: `PostgreSQL ${before}: no other one opens this data directory`,
    advice: `keep the major with the values of the chart’s image (and that image in the bundle), or let the vendor say how the data gets there; when the image itself converts it: --acknowledge=${ROW.id}`,
    code: 'DECISION_NEEDED',
  };
}
