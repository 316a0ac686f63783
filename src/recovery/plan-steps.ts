import { AirgapError } from '../errors.js';
import type { PlanStep } from '../run/types.js';
import type { DatabaseFacts, VolumeFacts } from './archive/types.js';
import { oldName, sideName } from './database-names.js';
import type { Rebind, RestoreAction, RestoreFacts } from './plan.js';
import type { FoundSnapshot } from './snapshot-find.js';

type Release = RestoreFacts['releases'][number];

/** A step that recovery does itself. */
function own(id: string, action: RestoreAction, shown: Omit<PlanStep, 'id' | 'input'>): PlanStep {
  return { id, ...shown, input: { restore: action } };
}

export function safetyStep(): PlanStep {
  return own(
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

export function pushStep(registry: NonNullable<RestoreFacts['registry']>): PlanStep {
  return {
    id: 'push',
    title: `push the bundle’s images to ${registry.text}`,
    destructive: false,
    saves: [],
    doneWhen: 'the registry has every image under its digest',
    lasting: true,
    input: { action: { kind: 'push' }, ...registry },
  };
}

export function applyStep(
  id: string,
  what: string,
  action: Omit<Extract<RestoreAction, { kind: 'apply' }>, 'kind'>,
): PlanStep {
  return own(
    `apply:${id}`,
    { kind: 'apply', ...action },
    {
      title: `put ${what} back`,
      command: `kubectl apply --server-side -f objects/…`,
      destructive: false,
      saves: ['what is there under the same names'],
      doneWhen: 'every object is there with the fields that were saved',
    },
  );
}

/** Made from the login of the push, where the registry wants one. */
export function pullSecretStep(namespace: string, registry: string): PlanStep {
  return {
    id: `pull-secret:${namespace}`,
    title: `see that ${namespace} has a login for ${registry}`,
    destructive: false,
    saves: [],
    doneWhen: 'the pull secret is there',
    input: { action: { kind: 'pull-secret', namespace }, registry },
  };
}

/** A volume that outlived its cluster, or its claim. */
export function rebindStep(rebind: Rebind): PlanStep {
  const { namespace, claim, volume } = rebind;
  return own(
    `rebind:${namespace}/${claim}`,
    { kind: 'rebind', ...rebind },
    {
      title: `bind ${namespace}/${claim} to the volume ${volume} that is there`,
      command: `kubectl patch pv ${volume} -p '{"spec":{"claimRef":{"uid":null,"resourceVersion":null}}}'`,
      destructive: false,
      saves: ['the volume’s object with its old claimRef'],
      doneWhen: `the claim is bound to ${volume}; its data is as it was`,
    },
  );
}

/** A volume whose data a CSI driver still has. */
export function snapshotStep(found: FoundSnapshot): PlanStep {
  const { namespace, claim, snapshot, handle, imported } = found;
  return own(
    `snapshot:${namespace}/${claim}`,
    { kind: 'snapshot', ...found },
    {
      title: imported
        ? `make VolumeSnapshot ${snapshot} for handle ${handle}, and ${namespace}/${claim} from it`
        : `make ${namespace}/${claim} from VolumeSnapshot ${snapshot}`,
      command: `kubectl -n ${namespace} create -f claim.yaml   # dataSource: VolumeSnapshot ${snapshot}`,
      destructive: false,
      saves: [],
      doneWhen: 'the claim has a volume from that snapshot, or its class waits for the pod',
    },
  );
}

export function volumeStep({ claim, namespace, part }: VolumeFacts, facts: RestoreFacts): PlanStep {
  const { helperImage: image, replace } = facts;
  if (part === undefined || image === undefined)
    throw new AirgapError('INTERNAL', `volume ${namespace}/${claim} cannot be planned`);
  return own(
    `volume:${namespace}/${claim}`,
    { kind: 'volume', namespace, claim, part, image, ...(replace ? { replaces: true } : {}) },
    {
      title: replace
        ? `stop what has volume ${namespace}/${claim} mounted, fill it, start that again`
        : `fill volume ${namespace}/${claim}, which must be empty`,
      command: `tar -x in a pod that mounts ${claim}`,
      destructive: replace,
      saves: replace ? ['its content, in the safety backup', 'the numbers of replicas'] : [],
      doneWhen: 'tar --compare finds every file as it was saved: content, owner, mode, time',
      ...(replace ? { outage: 'within', undoneBy: 'a restore of the safety backup' } : {}),
    },
  );
}

/** What the product needs, in namespaces that may not be there yet. */
export function prerequisiteSteps(releases: readonly Release[]): PlanStep[] {
  if (releases.length === 0) return [];
  const names = [...new Set(releases.map(({ chart }) => chart.namespace))];
  const namespaces: PlanStep = {
    id: 'namespaces:prerequisites',
    title: `see that there are the namespaces ${names.join(', ')}`,
    destructive: false,
    saves: [],
    doneWhen: 'they are there',
    input: { action: { kind: 'create-namespaces', names } },
  };
  return [namespaces, ...releases.flatMap(onePrerequisite)];
}

function onePrerequisite({ chart, chartSha, valuesSha }: Release): PlanStep[] {
  const { release, namespace, name, version, path } = chart;
  return [
    {
      id: `prerequisite:${release}`,
      title: `install ${name} ${version} as ${release}, which the product needs`,
      command: `helm upgrade --install ${release} ${path} -n ${namespace} -f values/${release}.json`,
      destructive: false,
      saves: [],
      doneWhen: 'the release is deployed with this chart and these values',
      input: {
        action: { kind: 'prerequisite', chart: { release, namespace, chart: name } },
        ...{ release, namespace, chartSha, valuesSha },
      },
    },
    {
      id: `wait:${release}`,
      title: `wait until ${release} is healthy`,
      destructive: false,
      saves: [],
      doneWhen: 'the workloads of its release are ready',
      input: { action: { kind: 'wait-healthy', release, namespace, scope: 'release' } },
    },
  ];
}

export function releaseSteps(release: Release | undefined): PlanStep[] {
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

export function waitStep(namespace: string, id: string): PlanStep {
  return {
    id,
    title: `wait until ${namespace} is healthy`,
    destructive: false,
    saves: [],
    doneWhen: 'every workload is ready and stays so',
    input: { action: { kind: 'wait-healthy', namespace } },
  };
}

export function crdsStep(): PlanStep {
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

/** A server that others use too: what may not be done there shows before anything is done. */
export function accessStep(databases: readonly string[], place: string): PlanStep {
  return own(
    'database:access',
    { kind: 'external-access' },
    {
      title: `see that the product’s login at ${place} may restore ${databases.join(', ')} beside the live one`,
      destructive: false,
      saves: [],
      doneWhen: 'it may make, fill and rename databases, and the roles that the dump names are there',
    },
  );
}

export function rolesStep(place: string | undefined): PlanStep {
  return own(
    'database:roles',
    { kind: 'globals' },
    {
      title:
        place === undefined
          ? 'bring the database’s roles back'
          : `bring back what ${place} lacks of the database’s roles`,
      destructive: false,
      saves: [],
      doneWhen: 'their statements ran in one transaction',
    },
  );
}

/** The long part, while the live database goes on as it is. */
export function besideStep({ name, tables }: DatabaseFacts, place: string | undefined): PlanStep {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return own(
    `database:${idOf(name)}`,
    { kind: 'database', database: name },
    {
      title: `restore database ${name} beside the live one${at(place)} (${tables.length} tables, ${rows} rows)`,
      command: `pg_restore --exit-on-error --single-transaction -d ${sideName(name)}`,
      destructive: false,
      saves: [],
      doneWhen: 'rows and hashes of every table are those of the backup',
    },
  );
}

/** The short part: one step, so that no stop point lies within the outage. */
export function swapStep(names: readonly string[], place: string | undefined): PlanStep {
  const list = names.join(', ');
  return own(
    'swap',
    { kind: 'swap', databases: names },
    {
      title: `stop everything in runai-backend but the database, give the restored ${list}${at(place)} its name, start again`,
      command: [
        'kubectl scale -n runai-backend deployment,statefulset --replicas=0',
        'ALTER DATABASE … RENAME, both in one transaction',
        'kubectl scale -n runai-backend … --replicas=<as before>',
      ].join('\n'),
      destructive: true,
      saves: [
        'the numbers of replicas',
        ...names.map((name) => `the database that is there, as ${oldName(name)}`),
      ],
      doneWhen: `${list} is the restored one and the numbers of replicas are as before`,
      undoneBy: 'renaming them back',
      outage: 'within',
    },
  );
}

/** Only what the install of this very run had made; that is looked at before the swap. */
export function dropStep({ name }: DatabaseFacts): PlanStep {
  return own(
    `drop:${idOf(name)}`,
    { kind: 'drop-old', database: name },
    {
      title: `drop the database that the fresh install made (${oldName(name)}); one that was there before stays`,
      destructive: true,
      saves: ['nothing: only a database that this run’s own install made is dropped'],
      doneWhen: 'it is gone, or was not made by this run and is kept',
    },
  );
}

function at(place: string | undefined): string {
  return place === undefined ? '' : ` at ${place}`;
}

function idOf(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9._-]/g, '_');
  return safe === name ? name : `${safe}-${Buffer.from(name).toString('hex').slice(0, 40)}`;
}
