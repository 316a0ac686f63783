import type { BundleChart } from '../bundle/manifest.js';
import type { Plan, PlanStep } from '../run/types.js';
import type { DatabaseFacts, VolumeFacts } from './archive/types.js';
import type { RestoreChoice } from './restore-types.js';

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
  /** Charts of the bundle whose releases the backup knows, with the digests of chart and values. */
  readonly releases: readonly {
    readonly chart: BundleChart;
    readonly chartSha: string;
    readonly valuesSha: string;
  }[];
  readonly hasCrds: boolean;
  /** Databases with something in them. */
  readonly databases: readonly DatabaseFacts[];
  readonly volumes: readonly VolumeFacts[];
  /** Roles of the parts that the backup has. */
  readonly roles: ReadonlySet<string>;
  /** Image for pods that write volumes. */
  readonly helperImage?: string;
}

/** What a step of ours carries for its executor. */
export type RestoreAction =
  | { readonly kind: 'safety-backup' }
  | { readonly kind: 'apply'; readonly roles: readonly string[] }
  | {
      readonly kind: 'volume';
      readonly namespace: string;
      readonly claim: string;
      readonly part: string;
      readonly image: string;
    }
  | { readonly kind: 'stop-writers' | 'start-writers' | 'globals' }
  | { readonly kind: 'database' | 'swap' | 'drop-old'; readonly database: string };

/** The ordered steps of a restore (domain: Kubernetes, namespaces, volumes, control plane, data, cluster, bindings). Pure. */
export function makeRestorePlan(facts: RestoreFacts): Plan {
  const backend = facts.releases.find(({ chart }) => chart.role === 'control-plane');
  const cluster = facts.releases.find(({ chart }) => chart.role === 'cluster');
  const volumes = facts.choices.has('metrics')
    ? facts.volumes.flatMap((volume) => volumeStep(volume, facts))
    : [];
  const control = facts.choices.has('releases') ? releaseSteps(backend) : [];
  const databases = facts.choices.has('database') ? facts.databases : [];
  const stops = databases.length > 0 || (facts.replace && volumes.length > 0);
  const steps: PlanStep[] = [
    ...(facts.replace ? [safetyStep()] : []),
    ...(facts.choices.has('releases') ? pushSteps(facts) : []),
    applyStep(facts, 'namespaces', 'the product’s namespaces', ['namespaces']),
    ...(facts.choices.has('secrets') ? [applyStep(facts, 'secrets', 'secrets', ['secrets'])] : []),
    ...(facts.replace ? control : [...volumes, ...control]),
    ...(stops ? [writersStep('stop')] : []),
    ...(facts.replace ? volumes : []),
    ...databaseSteps(databases, facts),
    ...(stops ? [writersStep('start'), waitStep('runai-backend', 'wait:runai-backend:restored')] : []),
    ...(facts.choices.has('releases') && facts.hasCrds ? [crdsStep()] : []),
    ...(facts.choices.has('releases') ? releaseSteps(cluster) : []),
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

function step(id: string, action: RestoreAction, shown: Omit<PlanStep, 'id' | 'input'>): PlanStep {
  return { id, ...shown, input: { restore: action } };
}

function safetyStep(): PlanStep {
  return step(
    'safety-backup',
    { kind: 'safety-backup' },
    {
      title: 'back up what is there now',
      destructive: false,
      saves: [],
      doneWhen: 'the safety backup is whole',
    },
  );
}

function pushSteps({ registry }: RestoreFacts): PlanStep[] {
  if (!registry) return [];
  return [
    {
      id: 'push',
      title: `push the bundle’s images to ${registry.text}`,
      destructive: false,
      saves: [],
      doneWhen: 'the registry has every image under its digest',
      lasting: true,
      input: { action: { kind: 'push' }, ...registry },
    },
  ];
}

function applyStep(_facts: RestoreFacts, id: string, what: string, roles: readonly string[]): PlanStep {
  return step(
    `apply:${id}`,
    { kind: 'apply', roles },
    {
      title: `put ${what} back`,
      command: `kubectl apply --server-side -f objects/…`,
      destructive: false,
      saves: ['what is there under the same names'],
      doneWhen: 'every object is there with the fields that were saved',
    },
  );
}

function volumeStep(volume: VolumeFacts, { helperImage }: RestoreFacts): PlanStep[] {
  const { claim, namespace, part, method } = volume;
  if (method !== 'copy' || part === undefined || helperImage === undefined) return [];
  return [
    step(
      `volume:${namespace}/${claim}`,
      { kind: 'volume', namespace, claim, part, image: helperImage },
      {
        title: `fill volume ${namespace}/${claim}`,
        command: `tar -x in a pod that mounts ${claim}`,
        destructive: false,
        saves: [],
        doneWhen: 'tar --compare finds every file as it was saved: content, owner, mode, time',
      },
    ),
  ];
}

function releaseSteps(release: RestoreFacts['releases'][number] | undefined): PlanStep[] {
  if (!release) return [];
  const { chart, chartSha, valuesSha } = release;
  const { release: name, namespace } = chart;
  return [
    {
      id: `helm:${name}`,
      title: `install ${chart.name} ${chart.version} as ${name} with the saved values`,
      command: `helm upgrade --install ${name} ${chart.path} -n ${namespace} -f values/${name}.json`,
      destructive: false,
      saves: ['the release’s revisions and values'],
      doneWhen: 'the release is deployed with this chart and these values',
      input: {
        action: { kind: 'helm', release: name, role: chart.role },
        release: name,
        namespace,
        chartSha,
        valuesSha,
      },
    },
    waitStep(namespace, `wait:${namespace}`),
  ];
}

function waitStep(namespace: string, id: string): PlanStep {
  return {
    id,
    title: `wait until ${namespace} is healthy`,
    destructive: false,
    saves: [],
    doneWhen: 'every workload is ready and stays so',
    input: { action: { kind: 'wait-healthy', namespace } },
  };
}

function crdsStep(): PlanStep {
  return {
    id: 'crds',
    title: 'apply the bundle’s custom resource definitions',
    destructive: false,
    saves: [],
    doneWhen: 'all are established with the bundle’s spec',
    lasting: true,
    input: { action: { kind: 'crds' } },
  };
}

function writersStep(what: 'stop' | 'start'): PlanStep {
  const isStop = what === 'stop';
  return step(
    `writers:${what}`,
    { kind: isStop ? 'stop-writers' : 'start-writers' },
    {
      title: isStop ? 'stop everything in runai-backend but the database' : 'start what was stopped',
      command: `kubectl scale -n runai-backend deployment,statefulset --replicas=${isStop ? '0' : '<as before>'}`,
      destructive: false,
      saves: isStop ? ['the numbers of replicas'] : [],
      doneWhen: isStop ? 'no pod but the database’s is left' : 'the numbers of replicas are as before',
      outage: isStop ? 'starts' : 'ends',
    },
  );
}

function databaseSteps(databases: readonly DatabaseFacts[], facts: RestoreFacts): PlanStep[] {
  if (databases.length === 0) return [];
  const globals = step(
    'database:roles',
    { kind: 'globals' },
    {
      title: 'bring the database’s roles back',
      destructive: false,
      saves: [],
      doneWhen: 'their statements ran in one transaction',
    },
  );
  return [globals, ...databases.flatMap((database) => oneDatabase(database, facts))];
}

function oneDatabase({ name, tables }: DatabaseFacts, { replace }: RestoreFacts): PlanStep[] {
  const id = idOf(name);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return [
    step(
      `database:${id}`,
      { kind: 'database', database: name },
      {
        title: `restore database ${name} beside the live one (${tables.length} tables, ${rows} rows)`,
        command: `pg_restore --exit-on-error --single-transaction -d ${sideName(name)}`,
        destructive: false,
        saves: [],
        doneWhen: 'rows and hashes of every table are those of the backup',
      },
    ),
    step(
      `swap:${id}`,
      { kind: 'swap', database: name },
      {
        title: `give the restored database the name ${name}`,
        command: `ALTER DATABASE … RENAME, both in one transaction`,
        destructive: true,
        saves: [`the database that is there, as ${oldName(name)}`],
        doneWhen: `${name} is the restored one`,
        undoneBy: 'renaming them back',
      },
    ),
    ...(replace
      ? []
      : [
          step(
            `drop:${id}`,
            { kind: 'drop-old', database: name },
            {
              title: `drop the empty database that the fresh install made (${oldName(name)})`,
              destructive: true,
              saves: ['nothing: the product was installed anew by this run'],
              doneWhen: 'it is gone',
            },
          ),
        ]),
  ];
}

function lastSteps(facts: RestoreFacts): PlanStep[] {
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
  return rows.flatMap(([choice, what, roles]) =>
    facts.choices.has(choice) && roles.some((role) => facts.roles.has(role))
      ? [applyStep(facts, choice, what, roles)]
      : [],
  );
}

const SIDE = '_airgap_new';
const OLD = '_airgap_old';

/** PostgreSQL cuts names at 63 bytes: what is cut here stays different. */
export const sideName = (database: string): string => cut(database, SIDE);
export const oldName = (database: string): string => cut(database, OLD);

function cut(name: string, suffix: string): string {
  let base = name;
  while (Buffer.byteLength(base) + suffix.length > 63) base = base.slice(0, -1);
  return base + suffix;
}

function idOf(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, '_');
  return safe === name ? name : `${safe}-${Buffer.from(name).toString('hex').slice(0, 40)}`;
}
