import { join } from 'node:path';
import { type ContentDigest, readContentDigest } from './content-digest.js';

/**
 * Where things lie below --root. It is the layout of the distribution project's file system driver
 * (docker/registry/v2), so that either program can take a folder over; `_referrers` and `.airgap` are ours and
 * ignored there. Repository components never begin with an underscore or a dot, so nothing collides.
 */
export interface FolderPaths {
  /** Temporary files: uploads and whatever is about to be renamed. Emptied at start. */
  readonly temporary: string;
  readonly blobs: string;
  readonly repositories: string;
  blob(digest: ContentDigest): string;
  layerLink(repository: string, digest: ContentDigest): string;
  revisionLink(repository: string, digest: ContentDigest): string;
  tags(repository: string): string;
  tag(repository: string, tag: string): string;
  tagLink(repository: string, tag: string): string;
  tagIndexLink(repository: string, tag: string, digest: ContentDigest): string;
  /** Folder of one subject's referrers. */
  referrers(repository: string, subject: ContentDigest): string;
  referrer(repository: string, subject: ContentDigest, digest: ContentDigest): string;
}

export function folderPaths(root: string): FolderPaths {
  const base = join(root, 'docker/registry/v2');
  const repositories = join(base, 'repositories');
  const inRepository = (repository: string, ...rest: string[]): string =>
    join(repositories, repository, ...rest);
  const tag = (repository: string, name: string): string => inRepository(repository, '_manifests/tags', name);
  const referrers = (repository: string, subject: ContentDigest): string =>
    inRepository(repository, '_referrers', subject.algorithm, subject.hex);
  return {
    temporary: join(root, '.airgap/tmp'),
    blobs: join(base, 'blobs'),
    repositories,
    blob: ({ algorithm, hex }) => join(base, 'blobs', algorithm, hex.slice(0, 2), hex, 'data'),
    layerLink: (repository, { algorithm, hex }) =>
      inRepository(repository, '_layers', algorithm, hex, 'link'),
    revisionLink: (repository, { algorithm, hex }) =>
      inRepository(repository, '_manifests/revisions', algorithm, hex, 'link'),
    tags: (repository) => inRepository(repository, '_manifests/tags'),
    tag,
    tagLink: (repository, name) => join(tag(repository, name), 'current/link'),
    tagIndexLink: (repository, name, { algorithm, hex }) =>
      join(tag(repository, name), 'index', algorithm, hex, 'link'),
    referrers,
    referrer: (repository, subject, { algorithm, hex }) =>
      join(referrers(repository, subject), `${algorithm}-${hex}`),
  };
}

/** Reads the name of a file below a subject's referrers. */
export function digestOfReferrer(name: string): ContentDigest | undefined {
  return readContentDigest(name.replace('-', ':'));
}
