import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient } from '../kube/types.js';
import type { BackupNeed } from '../run/backup-stage.js';
import { BACKEND } from '../runai/names.js';
import { wholeLines } from './answer.js';
import { effectiveValues, readLiveReleases } from './collect-releases.js';
import type { DataChoice, Savings } from './create-types.js';
import { externalDatabase } from './database-address.js';
import { findDatabase } from './database-place.js';
import { SIZE_SCRIPT } from './dump-script.js';
import { bashCall, execText } from './exec-stream.js';
import { listAt, textAt } from './value-at.js';
import { findVolumes, type ProductVolume } from './volume-find.js';

type Client = Pick<KubeClient, 'get' | 'list' | 'exec'>;

/** A dump is compressed and has no indexes; rows of random bytes may still grow a little. */
const MARGIN = 1.2;
/** Objects, values and the manifest. */
const SMALL = 64 * 1024 * 1024;

/**
 * Asks databases and volumes for their sizes; changes nothing.
 * @throws AirgapError BACKUP_FAILED when the database does not open, and those of the cluster
 */
export async function measureBackup(
  client: Client,
  { savings, signal }: { readonly savings: Savings; readonly signal: AbortSignal },
): Promise<BackupNeed> {
  const releases = await readLiveReleases(client, { signal });
  const backend = releases.find(({ release }) => release.name === BACKEND.release)?.release;
  const values = backend && effectiveValues(backend);
  const sizes: { readonly what: string; readonly bytes: number }[] = [];
  const isOurs = (what: DataChoice): boolean => 'way' in savings[what];
  if (isOurs('database') && externalDatabase(values) === undefined)
    sizes.push({ what: 'databases', bytes: await databaseBytes(client, values, signal) });
  const { volumes } = await findVolumes(client, { values, oldPrometheus: false }, signal);
  for (const volume of volumes.filter(({ purpose }) => purpose !== 'database' && isOurs(purpose))) {
    const bytes = await volumeBytes(client, volume, signal);
    if (bytes !== undefined) sizes.push({ what: `volume ${volume.claim}`, bytes });
  }
  return {
    bytes: Math.ceil(sizes.reduce((sum, { bytes }) => sum + bytes, SMALL) * MARGIN),
    parts: sizes.map(({ what, bytes }) => `${what} of ${(bytes / 1e6).toFixed(0)} MB`),
  };
}

async function databaseBytes(client: Client, values: unknown, signal: AbortSignal): Promise<number> {
  const { target, user, password } = await findDatabase(client, values, signal);
  const { command, input } = bashCall({ script: SIZE_SCRIPT, args: [user, 'postgres'], lines: [password] });
  const text = await execText(
    { client, target: { ...target, command }, input, signal },
    { code: 'BACKUP_FAILED', what: 'the databases cannot be measured' },
  );
  const [bytes] = wholeLines(text) ?? [];
  if (bytes !== undefined && /^\d+$/.test(bytes)) return Number(bytes);
  throw new AirgapError('BACKUP_FAILED', 'the size of the databases did not arrive whole', {
    expected: 'a number of bytes, and a last line that says that it is the last',
    found: `${text.length} characters`,
  });
}

/** What `du` says in the pod that has it mounted; undefined when that cannot be asked. */
async function volumeBytes(
  client: Client,
  { namespace, pod: name, claim }: ProductVolume,
  signal: AbortSignal,
): Promise<number | undefined> {
  const pod =
    name === undefined ? undefined : await client.get(RESOURCES.pods, { namespace, name }, { signal });
  const volume = listAt(pod, ['spec', 'volumes']).find(
    (each) => textAt(each, ['persistentVolumeClaim', 'claimName']) === claim,
  );
  for (const container of listAt(pod, ['spec', 'containers'])) {
    const mount = listAt(container, ['volumeMounts']).find(
      (each) => textAt(each, ['name']) === textAt(volume, ['name']),
    );
    const [path, own] = [textAt(mount, ['mountPath']), textAt(container, ['name'])];
    if (name === undefined || path === undefined || own === undefined) continue;
    const target = { namespace, pod: name, container: own, command: ['du', '-sk', path] };
    const said = await client.exec(target, { signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof AirgapError) return undefined;
      throw error;
    });
    const kilobytes = /^(\d+)\s/.exec(said?.stdout.toString('utf8') ?? '')?.[1];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  }
  return undefined;
}
