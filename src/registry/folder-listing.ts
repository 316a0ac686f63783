import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContentDigest, readContentDigest } from './content-digest.js';
import { namesIn } from './durable.js';
import type { FolderPaths } from './folder-paths.js';

/** Every repository below the folder, in no order. */
export async function* walkRepositories(paths: FolderPaths, below = ''): AsyncGenerator<string> {
  const children = (await foldersIn(join(paths.repositories, below))).map((entry) => entry.name);
  if (below !== '' && children.some((name) => name === '_layers' || name === '_manifests')) yield below;
  for (const name of children) {
    if (!name.startsWith('_')) yield* walkRepositories(paths, below === '' ? name : `${below}/${name}`);
  }
}

/** Every digest that a repository links, blobs and manifests. */
export async function* walkLinks(paths: FolderPaths, repository: string): AsyncGenerator<ContentDigest> {
  for (const kind of ['_layers', '_manifests/revisions']) {
    const folder = join(paths.repositories, repository, kind);
    for (const algorithm of await namesIn(folder)) {
      for (const hex of await namesIn(join(folder, algorithm))) {
        const digest = readContentDigest(`${algorithm}:${hex}`);
        if (digest) yield digest;
      }
    }
  }
}

/** Every content of the folder, linked or not. */
export async function* walkContent(paths: FolderPaths): AsyncGenerator<ContentDigest> {
  for (const algorithm of await namesIn(paths.blobs)) {
    for (const prefix of await namesIn(join(paths.blobs, algorithm))) {
      for (const hex of await namesIn(join(paths.blobs, algorithm, prefix))) {
        const digest = readContentDigest(`${algorithm}:${hex}`);
        if (digest) yield digest;
      }
    }
  }
}

async function foldersIn(path: string): Promise<Dirent[]> {
  const names = await namesIn(path);
  if (names.length === 0) return [];
  return (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory());
}
