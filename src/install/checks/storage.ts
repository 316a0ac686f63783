import { parseQuantity } from '../../kube/quantity.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { formatGb } from './quantity.js';
import type { RenderedRelease } from './rendered.js';
import type { Check, CheckContext, Row } from './types.js';

const CLASS: Row = { id: 'storage.class', title: 'storage classes' };
const SPACE: Row = { id: 'storage.space', title: 'room for volumes' };
const DEFAULTS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
/** Disks of this many nodes are looked at. */
const MOST_NODES = 10;
const STATIC = 'kubernetes.io/no-provisioner';
const DRIVERS: Resource = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  namespaced: false,
};
const CAPACITIES: Resource = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  namespaced: true,
};

/** A claim that the charts would make. */
export interface WantedClaim {
  readonly namespace: string;
  readonly name: string;
  /** Empty text: no class at all; absent: the default one. */
  readonly storageClass?: string;
  /** Bytes. */
  readonly size: number;
}

export interface StorageClassFacts {
  readonly name: string;
  readonly provisioner: string;
  readonly isDefault: boolean;
  /** Why its provisioner is believed to work; absent when nothing of it was seen. */
  readonly evidence?: string;
}

export interface StorageFacts {
  readonly classes: readonly StorageClassFacts[];
  /** Claims of the charts that are not there yet. */
  readonly wanted: readonly WantedClaim[];
  /** Volumes that are there and free. */
  readonly free: readonly { readonly storageClass: string; readonly size: number }[];
  /** Bytes free: by node’s own account (its disk) or by CSI drivers. Empty when nobody tells. */
  readonly room: readonly { readonly where: string; readonly bytes: number }[];
  /** Whether the release asks for a default class. */
  readonly defaultAsked: boolean;
}

export const storageCheck: Check = {
  row: CLASS,
  applies: ({ bundle }) => bundle.manifest.charts.length > 0,
  run: async (context) => {
    const facts = await readStorage(context);
    return [judgeClasses(facts), judgeSpace(facts)];
  },
};

export async function readStorage(context: CheckContext): Promise<StorageFacts> {
  const { client, signal, release } = context;
  const classes = await client.list(RESOURCES.storageClasses, { signal });
  const volumes = await client.list(RESOURCES.persistentVolumes, { signal });
  const drivers = await client.list(DRIVERS, { signal });
  const claims = await client.list(RESOURCES.claims, { signal });
  const there = new Set(claims.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
  const wanted = (await context.rendered()).flatMap(wantedClaims);
  const seen = {
    volumes,
    drivers: new Set(drivers.map(({ metadata }) => metadata.name)),
    pods: await context.pods(),
  };
  return {
    classes: classes.map((one) => classFacts(one, seen)),
    wanted: wanted.filter(({ namespace, name }) => !there.has(`${namespace}/${name}`)),
    free: volumes
      .filter((volume) => valueAt(volume, ['status', 'phase']) === 'Available')
      .map((volume) => ({
        storageClass: String(valueAt(volume, ['spec', 'storageClassName']) ?? ''),
        size: parseQuantity(valueAt(volume, ['spec', 'capacity', 'storage'])) ?? 0,
      })),
    room: await readRoom(context, client),
    defaultAsked: release === undefined || release.major > 2 || release.minor >= 9,
  };
}

/** Claims of a chart: its own objects and those that its StatefulSets make. */
export function wantedClaims({ planned, objects }: RenderedRelease): WantedClaim[] {
  const { namespace: own } = planned.chart;
  return objects.flatMap((object) => {
    const { name, namespace = own } = object.metadata;
    if (object.kind === 'PersistentVolumeClaim') return [claimOf(object, { namespace, name })];
    const templates = valueAt(object, ['spec', 'volumeClaimTemplates']);
    if (object.kind !== 'StatefulSet' || !Array.isArray(templates)) return [];
    const replicas = Number(valueAt(object, ['spec', 'replicas']) ?? 1);
    return templates.flatMap((template) =>
      Array.from({ length: replicas }, (_none, index) =>
        claimOf(template, {
          namespace,
          name: `${String(valueAt(template, ['metadata', 'name']))}-${name}-${index}`,
        }),
      ),
    );
  });
}

export function judgeClasses({ classes, wanted, free, defaultAsked }: StorageFacts): Finding {
  const main = classes.find(({ isDefault }) => isDefault);
  const names = classes.map(({ name, isDefault }) => (isDefault ? `${name} (default)` : name)).join(', ');
  const seen = names === '' ? 'there is no StorageClass' : names;
  const needsDefault = wanted.filter(({ storageClass }) => storageClass === undefined);
  const unknown = wanted.filter(
    ({ storageClass }) =>
      storageClass !== undefined &&
      storageClass !== '' &&
      !classes.some(({ name }) => name === storageClass) &&
      !free.some((volume) => volume.storageClass === storageClass),
  );
  if (unknown.length > 0) {
    const lacking = unknown
      .map(({ name, storageClass }) => `${name} asks for class ${storageClass}`)
      .join('; ');
    return {
      ...CLASS,
      outcome: 'fail',
      seen: `${seen}; ${lacking}`,
      advice: 'name a class that is there in the values',
    };
  }
  if (main === undefined) {
    if (needsDefault.length === 0 && (wanted.length === 0 || !defaultAsked))
      return { ...CLASS, outcome: 'pass', seen: `${seen}; no new claim needs a default one` };
    const advice = `mark one as default: kubectl annotate storageclass NAME ${DEFAULTS[0]}=true`;
    return {
      ...CLASS,
      outcome: 'fail',
      seen: `${seen}; none is the default`,
      expected: 'a default StorageClass',
      advice,
    };
  }
  const used = classes.filter(
    ({ name, isDefault }) =>
      (isDefault && needsDefault.length > 0) || wanted.some(({ storageClass }) => storageClass === name),
  );
  const unproven = used.filter(({ evidence }) => evidence === undefined);
  if (unproven.length > 0) {
    const list = unproven.map(({ name, provisioner }) => `${name} (${provisioner})`).join(', ');
    const advice = 'check that the provisioner runs: make a claim by hand and see it bound';
    return {
      ...CLASS,
      outcome: 'warn',
      seen: `${seen}; nothing was seen of the provisioner of ${list}`,
      advice,
    };
  }
  const proof = used.map(({ name, evidence }) => `${name}: ${evidence}`).join('; ');
  return { ...CLASS, outcome: 'pass', seen: proof === '' ? seen : `${seen}; ${proof}` };
}

export function judgeSpace({ wanted, room, free, classes }: StorageFacts): Finding {
  const need = wanted.reduce((sum, { size }) => sum + size, 0);
  if (wanted.length === 0) return { ...SPACE, outcome: 'pass', seen: 'no new volume is needed' };
  const seen = `${wanted.length} new volumes, ${formatGb(need)} in all`;
  const classOf = (claim: WantedClaim): string =>
    claim.storageClass ?? classes.find(({ isDefault }) => isDefault)?.name ?? '';
  const left = [...free].sort((a, b) => a.size - b.size);
  const unserved = [...wanted]
    .sort((a, b) => a.size - b.size)
    .filter((claim) => {
      const at = left.findIndex(
        ({ storageClass, size }) => storageClass === classOf(claim) && size >= claim.size,
      );
      if (at >= 0) left.splice(at, 1);
      return at < 0;
    });
  const stuck = unserved.filter((claim) => {
    const own = classes.find(({ name }) => name === classOf(claim));
    return own === undefined || own.provisioner === STATIC;
  });
  if (stuck.length > 0) {
    const list = stuck.map(({ name, size }) => `${name} ${formatGb(size)}`).join(', ');
    const advice = 'make PersistentVolumes for them, or choose a class that provisions';
    return { ...SPACE, outcome: 'fail', seen: `${seen}; no free volume for ${list}`, advice };
  }
  const asked = unserved.reduce((sum, { size }) => sum + size, 0);
  if (asked === 0) return { ...SPACE, outcome: 'pass', seen: `${seen}; free volumes are there for all` };
  if (room.length === 0)
    return {
      ...SPACE,
      outcome: 'not-checked',
      seen: `${seen}; neither nodes nor drivers tell how much is free`,
    };
  const most = room.reduce((best, one) => (one.bytes > best.bytes ? one : best));
  const told = `${seen}; most is free at ${most.where}: ${formatGb(most.bytes)}`;
  if (most.bytes >= asked) return { ...SPACE, outcome: 'pass', seen: told };
  const advice = 'check that the storage behind the class has this much';
  return { ...SPACE, outcome: 'warn', seen: told, expected: formatGb(asked), advice };
}

interface Seen {
  readonly volumes: readonly KubeObject[];
  readonly drivers: ReadonlySet<string>;
  readonly pods: readonly KubeObject[];
}

function classFacts(one: KubeObject, { volumes, drivers, pods }: Seen): StorageClassFacts {
  const { name, annotations = {} } = one.metadata;
  const provisioner = String(valueAt(one, ['provisioner']) ?? '');
  const evidence = evidenceOf(provisioner, { volumes, drivers, pods });
  return {
    name,
    provisioner,
    isDefault: DEFAULTS.some((key) => annotations[key] === 'true'),
    ...(evidence === undefined ? {} : { evidence }),
  };
}

function evidenceOf(provisioner: string, { volumes, drivers, pods }: Seen): string | undefined {
  if (provisioner === STATIC) return 'volumes are made by hand';
  if (drivers.has(provisioner)) return 'its CSI driver is registered';
  const made = volumes.filter(
    ({ metadata }) => metadata.annotations?.['pv.kubernetes.io/provisioned-by'] === provisioner,
  ).length;
  if (made > 0) return `${made} volumes are of its making`;
  const pod = pods.find(
    (candidate) =>
      valueAt(candidate, ['status', 'phase']) === 'Running' &&
      JSON.stringify(valueAt(candidate, ['spec'])).includes(provisioner),
  );
  return pod && `pod ${pod.metadata.namespace}/${pod.metadata.name} runs for it`;
}

function claimOf(object: unknown, { namespace, name }: { namespace: string; name: string }): WantedClaim {
  const storageClass = valueAt(object, ['spec', 'storageClassName']);
  const size = parseQuantity(valueAt(object, ['spec', 'resources', 'requests', 'storage'])) ?? 0;
  return { namespace, name, size, ...(typeof storageClass === 'string' ? { storageClass } : {}) };
}

/** What CSI drivers publish, and the nodes’ disks where the kubelet’s statistics may be read. */
async function readRoom(context: CheckContext, client: KubeClient): Promise<StorageFacts['room']> {
  const { signal } = context;
  const capacities = await client.list(CAPACITIES, { signal });
  const room = capacities.map((one) => ({
    where: `class ${String(valueAt(one, ['storageClassName']))}`,
    bytes: parseQuantity(valueAt(one, ['capacity'])) ?? 0,
  }));
  for (const node of (await context.nodes()).slice(0, MOST_NODES)) {
    const { name } = node.metadata;
    const path = `/api/v1/nodes/${encodeURIComponent(name)}/proxy/stats/summary?only_cpu_and_memory=false`;
    try {
      // Sent once: a node that does not answer must not hold the rest up.
      const limited = AbortSignal.any([signal, AbortSignal.timeout(5000)]);
      const { body } = await client.request({ method: 'GET', path, repeatable: false, signal: limited });
      const bytes = valueAt(JSON.parse(body.toString('utf8')), ['node', 'fs', 'availableBytes']);
      if (typeof bytes === 'number') room.push({ where: `node ${name}`, bytes });
    } catch {
      signal.throwIfAborted();
    }
  }
  return room;
}
