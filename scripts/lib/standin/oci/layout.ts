import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Blob } from './blob.js';
import { descriptor, type Image } from './image.js';

/** Writes an OCI image layout whose index names each image; blobs that several images share are written once. */
export async function writeLayout(folder: string, images: ReadonlyMap<string, Image>): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  for (const image of images.values()) {
    for (const blob of [...image.blobs, ...image.children, image.top]) await writeBlob(folder, blob);
  }
  const manifests = [...images].map(([name, image]) => ({
    ...descriptor(image.top, image.top.mediaType),
    annotations: { 'org.opencontainers.image.ref.name': name },
  }));
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
}

async function writeBlob(folder: string, blob: Blob): Promise<void> {
  const path = join(folder, 'blobs', ...blob.digest.split(':'));
  if (await exists(path, blob.size)) return;
  if (Buffer.isBuffer(blob.content)) await writeFile(path, blob.content);
  else await copyFile(blob.content.file, path);
}

async function exists(path: string, size: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.size === size;
}
