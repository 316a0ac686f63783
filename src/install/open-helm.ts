import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Payload } from '../bundle/payload.js';
import type { Emit } from '../events.js';
import { createHelm } from '../helm/client.js';
import { findHelm } from '../helm/find.js';
import type { Helm } from '../helm/types.js';
import { writeFileAtomic } from '../io/atomic.js';
import type { Connection } from '../kube/client.js';
import type { ClusterChoice, Surroundings } from './types.js';

export interface HelmNeeds {
  /** Absent where there is none: then a helm that an earlier run took out of its bundle serves. */
  readonly bundle?: Payload;
  readonly client: Connection;
  readonly cluster: ClusterChoice;
  readonly around: Pick<Surroundings, 'env' | 'stateRoot' | 'emit' | 'toolVersion'>;
}

/**
 * Finds a helm: --helm, PATH, or the one that the bundle carries for this machine.
 * @throws AirgapError HELM_MISSING, HELM_TOO_OLD
 */
export async function openHelm({ bundle, client, cluster, around }: HelmNeeds): Promise<Helm> {
  const { env, stateRoot, emit } = around;
  const homes = join(stateRoot, 'helm');
  const place = { homes, env, configFiles: client.configFiles };
  const program = await findHelm({
    ...place,
    ...(cluster.helm === undefined ? {} : { wanted: cluster.helm }),
    bundled: () => (bundle ? extractHelm(bundle, stateRoot, emit) : findExtracted(stateRoot)),
  });
  return createHelm(program, { ...place, context: client.context, emit });
}

/** Puts the bundle's helm below the state folder, once for each checksum; one that is there is hashed again. */
async function extractHelm(bundle: Payload, stateRoot: string, emit: Emit): Promise<string | undefined> {
  const tool = bundle.manifest.tools.find(
    ({ name, platform }) => name === 'helm' && platform === ourPlatform(),
  );
  const sha256 = tool && bundle.position(tool.path)?.sha256;
  if (tool === undefined || sha256 === undefined) return undefined;
  const folder = join(stateRoot, 'tools', sha256.slice(0, 16));
  const path = join(folder, 'helm');
  const there = await readFile(path).catch(() => undefined);
  if (there && createHash('sha256').update(there).digest('hex') === sha256) return path;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFileAtomic(
    path,
    async (file) => {
      await pipeline(bundle.stream(tool.path), file.createWriteStream({ autoClose: false }));
    },
    { mode: 0o700 },
  );
  await chmod(path, 0o700);
  emit({
    type: 'note',
    level: 'info',
    text: `helm ${tool.version ?? ''} of the bundle is used`.replace('  ', ' '),
  });
  return path;
}

/** The helm that a run took out of its bundle last, when its bytes are still those that its folder is named after. */
async function findExtracted(stateRoot: string): Promise<string | undefined> {
  const folder = join(stateRoot, 'tools');
  const names = await readdir(folder).catch(() => []);
  const found: { readonly path: string; readonly at: number }[] = [];
  for (const name of names) {
    const path = join(folder, name, 'helm');
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined || !createHash('sha256').update(bytes).digest('hex').startsWith(name)) continue;
    found.push({ path, at: (await stat(path)).mtimeMs });
  }
  return found.sort((a, b) => b.at - a.at)[0]?.path;
}

function ourPlatform(): string {
  const arch: Record<string, string> = { x64: 'amd64', arm64: 'arm64', ppc64: 'ppc64le' };
  return `${process.platform}/${arch[process.arch] ?? process.arch}`;
}
