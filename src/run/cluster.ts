import { gunzipSync, gzipSync } from 'node:zlib';
import type { Emit } from '../events.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject } from '../kube/types.js';
import { sha256 } from './canonical.js';
import { LEASE_NAME, type LeaseApi, type LeaseBody, type LeaseRecord } from './lease.js';
import type { MirrorApi } from './mirror.js';
import type { SavedMirror } from './saved.js';
import type { ClusterSide } from './session.js';

/** Always there, and what its UID says is the cluster's identity. */
const NAMESPACE = 'kube-system';
const MIRROR_NAME = 'airgap-run';
const LABELS = { 'app.kubernetes.io/managed-by': 'airgap' };
const RUN_LABEL = 'airgap-run';
const SAVED_NAME = 'airgap/saved-name';
const SAVED_PARTS = 'airgap/saved-parts';
/** Bytes in one Secret, which may hold 1 MiB. */
const PART = 700 * 1024;
/** What needs more Secrets stays on the host only. */
const MOST_PARTS = 16;
/** Runs whose saved things stay in the cluster. */
const KEPT_RUNS = 3;

/** Lease, copy of the record and copy of what was saved, in kube-system. */
export function createClusterSide(client: KubeClient, emit: Emit): ClusterSide {
  return {
    lease: leaseApi(client),
    mirror: mirrorApi(client),
    saved: (runId) => savedMirror(client, { runId, emit }),
  };
}

function leaseApi(client: KubeClient): LeaseApi {
  const place = { name: LEASE_NAME, namespace: NAMESPACE };
  return {
    get: async (signal) => {
      const found = await client.get(RESOURCES.leases, place, { signal });
      return found === undefined ? undefined : readLease(found);
    },
    create: async (body, signal) => {
      const made = await client.create(leaseObject(body), { signal });
      // `exists` may be our own, created by a request whose answer was lost; the next look tells.
      return made === 'exists' ? 'conflict' : readLease(made);
    },
    update: async ({ resourceVersion, ...body }, signal) => {
      const written = await client.replace(leaseObject(body, resourceVersion), { signal });
      return written === 'conflict' ? 'conflict' : readLease(written);
    },
  };
}

function leaseObject(body: LeaseBody, resourceVersion?: string): KubeObject {
  const { holder, acquireTime, renewTime, durationSeconds, transitions } = body;
  return {
    apiVersion: RESOURCES.leases.apiVersion,
    kind: RESOURCES.leases.kind,
    metadata: {
      name: LEASE_NAME,
      namespace: NAMESPACE,
      labels: LABELS,
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    spec: {
      holderIdentity: holder,
      acquireTime,
      renewTime,
      leaseDurationSeconds: durationSeconds,
      leaseTransitions: transitions,
    },
  };
}

function readLease(object: KubeObject): LeaseRecord {
  const spec = (object['spec'] ?? {}) as Record<string, unknown>;
  return {
    holder: String(spec['holderIdentity'] ?? ''),
    acquireTime: String(spec['acquireTime'] ?? ''),
    renewTime: String(spec['renewTime'] ?? ''),
    durationSeconds: Number(spec['leaseDurationSeconds'] ?? 0),
    transitions: Number(spec['leaseTransitions'] ?? 0),
    resourceVersion: object.metadata.resourceVersion ?? '',
  };
}

function mirrorApi(client: KubeClient): MirrorApi {
  return {
    read: async () => {
      const place = { name: MIRROR_NAME, namespace: NAMESPACE };
      const found = await client.get<KubeObject & { data?: Record<string, string> }>(
        RESOURCES.configMaps,
        place,
      );
      return found === undefined ? undefined : (found.data ?? {});
    },
    write: async (data) => {
      const { apiVersion, kind } = RESOURCES.configMaps;
      const metadata = { name: MIRROR_NAME, namespace: NAMESPACE, labels: LABELS };
      await client.apply({ apiVersion, kind, metadata, data });
    },
  };
}

/** A Secret for each thing saved, compressed; several for what is large. */
function savedMirror(
  client: KubeClient,
  { runId, emit }: { readonly runId: string; readonly emit: Emit },
): SavedMirror {
  let tidied = false;
  const nameFor = (name: string, part: number): string =>
    `airgap-saved-${sha256(`${runId} ${name}${part === 0 ? '' : ` ${part}`}`).slice(0, 20)}`;
  const write = async (name: string, part: number, bytes: Buffer, parts: number): Promise<void> => {
    const { apiVersion, kind } = RESOURCES.secrets;
    await client.apply({
      apiVersion,
      kind,
      metadata: {
        name: nameFor(name, part),
        namespace: NAMESPACE,
        labels: { ...LABELS, [RUN_LABEL]: runId },
        annotations: { [SAVED_NAME]: name, [SAVED_PARTS]: String(parts) },
      },
      type: 'airgap/saved',
      data: { content: bytes.toString('base64') },
    });
  };
  const read = async (name: string, part: number) => {
    const place = { name: nameFor(name, part), namespace: NAMESPACE };
    const found = await client.get<KubeObject & { data?: Record<string, string> }>(RESOURCES.secrets, place);
    const content = found?.data?.['content'];
    if (found === undefined || content === undefined) return undefined;
    const parts = Number(found.metadata.annotations?.[SAVED_PARTS] ?? 1);
    return { bytes: Buffer.from(content, 'base64'), parts };
  };
  return {
    put: async (name, content) => {
      if (!tidied) await dropOldRuns(client, runId);
      tidied = true;
      const packed = gzipSync(content);
      const parts = Math.ceil(packed.length / PART);
      if (parts > MOST_PARTS) {
        const text = `${name} is too large for Secrets; what was saved of it is on this host only, and another cannot go on or back`;
        emit({ type: 'note', level: 'warn', text });
        return;
      }
      // The first says how many there are, so it comes last.
      for (let part = parts - 1; part >= 0; part--)
        await write(name, part, packed.subarray(part * PART, (part + 1) * PART), parts);
    },
    get: async (name) => {
      const first = await read(name, 0);
      if (first === undefined) return undefined;
      const all = [first.bytes];
      for (let part = 1; part < first.parts; part++) {
        const more = await read(name, part);
        if (more === undefined) return undefined;
        all.push(more.bytes);
      }
      return gunzipSync(Buffer.concat(all));
    },
  };
}

/** Run ids sort by time: the newest runs keep their copies. */
async function dropOldRuns(client: KubeClient, runId: string): Promise<void> {
  const labelSelector = `app.kubernetes.io/managed-by=airgap,${RUN_LABEL}`;
  const secrets = await client.list(RESOURCES.secrets, { namespace: NAMESPACE, labelSelector, pageSize: 50 });
  const runOf = (secret: KubeObject): string => secret.metadata.labels?.[RUN_LABEL] ?? '';
  const runs = [...new Set([...secrets.map(runOf), runId])].sort().slice(-KEPT_RUNS);
  for (const secret of secrets.filter((each) => !runs.includes(runOf(each)))) {
    const { name, uid } = secret.metadata;
    await client.delete(RESOURCES.secrets, { name, namespace: NAMESPACE }, uid === undefined ? {} : { uid });
  }
}
