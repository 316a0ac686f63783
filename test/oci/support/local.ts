import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { digestOf, hexOf } from '../../../src/oci/digest.js';
import { type Descriptor, type Digest, MEDIA } from '../../../src/oci/types.js';
import type { MadeImage } from './images.js';

export function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-oci-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function save(folder: string, name: string, content: string | Buffer | object): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content),
  );
}

export interface Listed {
  readonly descriptor: Descriptor;
  readonly name?: string;
}

/** Writes an OCI layout folder. `contents` are all blobs and manifests. */
export function writeLayout(folder: string, listed: readonly Listed[], contents: Iterable<Buffer>): void {
  save(folder, 'oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  for (const bytes of contents) save(folder, `blobs/sha256/${hexOf(digestOf(bytes))}`, bytes);
  const manifests = listed.map(({ descriptor, name }) =>
    name === undefined
      ? descriptor
      : { ...descriptor, annotations: { 'org.opencontainers.image.ref.name': name } },
  );
  save(folder, 'index.json', { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests });
}

export function contentsOf(image: MadeImage): Buffer[] {
  return [...image.blobs.values(), image.manifest.bytes];
}

/** Makes a tar with GNU tar: what users have. */
export function tarOf(folder: string, file: string, ...options: string[]): string {
  execFileSync('tar', ['-C', folder, '-cf', file, ...options, '.']);
  return file;
}

/** Writes the files of a classic `docker save`: uncompressed layers, no manifests. */
export function writeClassic(
  folder: string,
  images: readonly { readonly tags: readonly string[] | null; readonly layers: readonly Buffer[] }[],
): { readonly config: Digest; readonly layers: readonly Digest[] }[] {
  const list = images.map(({ tags, layers }, index) => {
    const digests = layers.map(digestOf);
    const config = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: { Cmd: [String(index)] },
        rootfs: { type: 'layers', diff_ids: digests },
      }),
    );
    const name = `${hexOf(digestOf(config))}.json`;
    save(folder, name, config);
    for (const layer of layers) save(folder, `${hexOf(digestOf(layer))}/layer.tar`, layer);
    const entry = {
      Config: name,
      RepoTags: tags,
      Layers: digests.map((digest) => `${hexOf(digest)}/layer.tar`),
    };
    return { entry, made: { config: digestOf(config), layers: digests } };
  });
  save(
    folder,
    'manifest.json',
    list.map(({ entry }) => entry),
  );
  return list.map(({ made }) => made);
}
