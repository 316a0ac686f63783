import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { removeDurably } from './durable.js';
import { walkContent, walkLinks, walkRepositories } from './folder-listing.js';
import type { FolderPaths } from './folder-paths.js';

/** What was cleared away. */
export interface Sweep {
  /** Contents that no repository links: a push was cut between storing and linking. */
  readonly orphans: number;
}

/**
 * Makes a folder ready: temporary files of an earlier run go, and so does content that nothing links. Runs before
 * anything is served, so nothing can be on its way.
 */
export async function sweepFolder(paths: FolderPaths): Promise<Sweep> {
  await rm(paths.temporary, { recursive: true, force: true });
  for (const folder of [paths.temporary, paths.blobs, paths.repositories])
    await mkdir(folder, { recursive: true });
  const linked = new Set<string>();
  for await (const repository of walkRepositories(paths)) {
    for await (const digest of walkLinks(paths, repository)) linked.add(digest.text);
  }
  let orphans = 0;
  for await (const digest of walkContent(paths)) {
    if (linked.has(digest.text)) continue;
    await removeDurably(dirname(paths.blob(digest)));
    orphans++;
  }
  return { orphans };
}
