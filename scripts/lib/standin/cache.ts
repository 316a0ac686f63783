import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Layer } from './oci/blob.js';
import { DROP_RULES, layerOfRootfs } from './rootfs.js';

/** The folder outside the checkout where what is slow to make is kept. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  return env['AIRGAP_TOOLS'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'airgap-tools');
}

interface Remembered {
  readonly digest: string;
  readonly diffId: string;
  readonly size: number;
}

/** The layer of a PostgreSQL root file system, made once for each file system and set of rules. */
export async function cachedRootfsLayer(rootfs: string, folder: string): Promise<Layer> {
  const { size, mtimeMs } = await stat(rootfs);
  const key = createHash('sha256').update(`${rootfs} ${size} ${mtimeMs} ${DROP_RULES}`).digest('hex');
  const base = join(folder, `standin-postgresql-${key.slice(0, 16)}`);
  const remembered = await readFile(`${base}.json`, 'utf8').catch(() => undefined);
  if (remembered !== undefined) {
    const { digest, diffId, size: bytes } = JSON.parse(remembered) as Remembered;
    return { digest, diffId, size: bytes, content: { file: `${base}.tar.gz` } };
  }
  return makeLayer(rootfs, base);
}

/** The description gets its name last, so that it never speaks of a layer that is not whole. */
async function makeLayer(rootfs: string, base: string): Promise<Layer> {
  await mkdir(join(base, '..'), { recursive: true });
  const partial = `${base}.partial-${process.pid}`;
  try {
    const { digest, diffId, size } = await layerOfRootfs(rootfs, partial);
    await writeFile(`${partial}.json`, JSON.stringify({ digest, diffId, size } satisfies Remembered));
    await rename(partial, `${base}.tar.gz`);
    await rename(`${partial}.json`, `${base}.json`);
    return { digest, diffId, size, content: { file: `${base}.tar.gz` } };
  } finally {
    await rm(partial, { force: true });
    await rm(`${partial}.json`, { force: true });
  }
}
