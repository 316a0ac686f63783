/**
 * Makes a folder for every claim of the node's storage class and deletes it when the claim is gone,
 * unless the volume's policy says Retain: what a site's own provisioner does.
 * usage: provisioner.ts CONFIG.json
 */
import { chmodSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type KubeRequest } from './kube-request.js';

const PROVISIONER = 'airgap.test/hostpath';
const ANNOTATION = 'pv.kubernetes.io/provisioned-by';
const PERIOD_MS = 300;

interface Config {
  /** URL of the API server. */
  readonly server: string;
  readonly caFile: string;
  readonly tokenFile: string;
  /** Folder that holds one folder per volume. */
  readonly folder: string;
}

interface Meta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

interface StorageClass {
  readonly metadata: Meta;
  readonly provisioner: string;
  readonly reclaimPolicy?: string;
}

interface Claim {
  readonly metadata: Meta;
  readonly spec: {
    readonly storageClassName?: string;
    readonly volumeName?: string;
    readonly dataSource?: unknown;
    readonly accessModes: readonly string[];
    readonly volumeMode?: string;
    readonly resources: { readonly requests: { readonly storage: string } };
  };
}

interface Volume {
  readonly metadata: Meta;
  readonly spec: {
    readonly persistentVolumeReclaimPolicy: string;
    readonly hostPath?: { readonly path: string };
  };
  readonly status: { readonly phase: string };
}

async function main(configFile: string): Promise<void> {
  const config = JSON.parse(readFileSync(configFile, 'utf8')) as Config;
  const request = connect(
    config.server,
    readFileSync(config.caFile),
    readFileSync(config.tokenFile, 'utf8').trim(),
  );
  let lastFault = '';
  for (;;) {
    try {
      await reconcile(request, config.folder);
      lastFault = '';
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      if (fault !== lastFault) console.error(fault);
      lastFault = fault;
    }
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS));
  }
}

async function reconcile(request: KubeRequest, folder: string): Promise<void> {
  const claims = await list<Claim>(request, '/api/v1/persistentvolumeclaims');
  const volumes = await list<Volume>(request, '/api/v1/persistentvolumes');
  // What shall be filled from a snapshot needs a driver that can read one.
  const waiting = claims.filter(
    ({ spec, metadata }) => !spec.volumeName && !spec.dataSource && !metadata.deletionTimestamp,
  );
  const classes =
    waiting.length > 0 ? await list<StorageClass>(request, '/apis/storage.k8s.io/v1/storageclasses') : [];
  const made = new Set(volumes.map((volume) => volume.metadata.name));
  for (const claim of waiting) {
    const storageClass = classes.find((entry) => entry.metadata.name === claim.spec.storageClassName);
    if (storageClass?.provisioner !== PROVISIONER || made.has(volumeName(claim))) continue;
    await provision(request, { claim, storageClass, folder });
  }
  for (const volume of volumes.filter(isFreed)) await remove(request, volume, folder);
}

async function list<T>(request: KubeRequest, path: string): Promise<readonly T[]> {
  const answer = (await request('GET', path)) as { readonly items: readonly T[] };
  return answer.items;
}

function volumeName(claim: Claim): string {
  return `pvc-${claim.metadata.uid}`;
}

async function provision(
  request: KubeRequest,
  { claim, storageClass, folder }: { claim: Claim; storageClass: StorageClass; folder: string },
): Promise<void> {
  const name = volumeName(claim);
  const path = `${folder}/${name}`;
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o777);
  await request('POST', '/api/v1/persistentvolumes', {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { [ANNOTATION]: PROVISIONER } },
    spec: {
      storageClassName: storageClass.metadata.name,
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      accessModes: claim.spec.accessModes,
      capacity: { storage: claim.spec.resources.requests.storage },
      hostPath: { path, type: 'DirectoryOrCreate' },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: claim.metadata.namespace,
        name: claim.metadata.name,
        uid: claim.metadata.uid,
      },
    },
  });
  console.error(`made ${name} for ${claim.metadata.namespace}/${claim.metadata.name}`);
}

function isFreed(volume: Volume): boolean {
  return (
    volume.status.phase === 'Released' &&
    volume.spec.persistentVolumeReclaimPolicy === 'Delete' &&
    volume.metadata.annotations?.[ANNOTATION] === PROVISIONER &&
    !volume.metadata.deletionTimestamp
  );
}

/** The data goes first: a volume object that is gone must not leave data that nobody knows of. */
async function remove(request: KubeRequest, volume: Volume, folder: string): Promise<void> {
  const path = `${folder}/${volume.metadata.name}`;
  if (volume.spec.hostPath?.path === path) rmSync(path, { recursive: true, force: true });
  await request('DELETE', `/api/v1/persistentvolumes/${volume.metadata.name}`);
  console.error(`deleted ${volume.metadata.name}`);
}

await main(process.argv[2] ?? '');
