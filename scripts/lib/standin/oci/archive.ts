import { readFile, writeFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { Blob, Layer } from './blob.js';
import type { Image } from './image.js';
import { type TarEntry, tarOf } from './tar.js';

/** Writes one image as `docker save` does: uncompressed layers, config and manifest.json in one tar. */
export async function writeDockerArchive(path: string, name: string, image: Image): Promise<void> {
  const [config, ...layers] = image.blobs;
  if (!config) throw new Error(`${name} has no config`);
  const entries: TarEntry[] = [];
  const layerPaths: string[] = [];
  for (const layer of layers as Layer[]) {
    const folder = hex(layer.diffId);
    layerPaths.push(`${folder}/layer.tar`);
    entries.push({ path: `${folder}/` });
    entries.push({ path: `${folder}/layer.tar`, data: gunzipSync(await bytesOf(layer)) });
  }
  const configPath = `${hex(config.digest)}.json`;
  const manifest = [{ Config: configPath, RepoTags: [name], Layers: layerPaths }];
  entries.push({ path: configPath, data: await bytesOf(config) });
  entries.push({ path: 'manifest.json', data: JSON.stringify(manifest) });
  await writeFile(path, tarOf(entries));
}

async function bytesOf(blob: Blob): Promise<Buffer> {
  return Buffer.isBuffer(blob.content) ? blob.content : readFile(blob.content.file);
}

function hex(digest: string): string {
  return digest.slice('sha256:'.length);
}
