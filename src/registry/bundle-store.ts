import type { BundleContent } from './bundle-content.js';
import { type BundleRepository, indexBundle } from './bundle-index.js';
import { parseContentDigest } from './content-digest.js';
import { sortedNames } from './paging.js';
import type { ContentStore, ManifestKey } from './types.js';

/**
 * A bundle as a registry, read-only and in place. Images stand under their target names; a mirror that says which
 * registry it stands for (`?ns=`), or asks for a repository by the path it had there, gets them by source.
 * @throws AirgapError when the bundle's manifests cannot be read
 */
export async function createBundleStore(bundle: BundleContent): Promise<ContentStore> {
  const index = await indexBundle(bundle);
  const byPath = pathsOf(index.sources.keys());
  const find = (name: string): BundleRepository | undefined =>
    index.targets.get(name) ?? index.sources.get(name);

  const digestOf = (repository: BundleRepository, key: ManifestKey): string | undefined =>
    'tag' in key ? repository.tags.get(key.tag) : key.digest.text;

  return {
    locate(name, namespace) {
      const source = namespace === undefined ? undefined : `${namespace}/${name}`;
      if (source !== undefined && index.sources.has(source)) return source;
      if (index.targets.has(name)) return name;
      return byPath.get(name) ?? name;
    },
    async repositories() {
      return sortedNames(index.targets.keys());
    },
    async tags(name) {
      const repository = find(name);
      return repository && sortedNames(repository.tags.keys());
    },
    async manifest(name, key) {
      const repository = find(name);
      const entry = repository?.manifests.get(digestOf(repository, key) ?? '');
      const bytes = entry && (await bundle.readManifest(entry.descriptor));
      if (!entry || !bytes) return undefined;
      return { digest: parseContentDigest(entry.descriptor.digest), mediaType: entry.mediaType, bytes };
    },
    async blob(name, digest) {
      const size = find(name)?.blobs.has(digest.text) ? bundle.blobSize(digest) : undefined;
      return size === undefined ? undefined : { size, open: (range) => bundle.openBlob(digest, range) };
    },
    async referrers(name, subject) {
      return find(name)?.referrers.get(subject.text) ?? [];
    },
    close: () => bundle.close(),
  };
}

/** `registry/path` of sources by path alone, where only one registry has it: Docker's mirrors do not say which. */
function pathsOf(sources: Iterable<string>): Map<string, string> {
  const paths = new Map<string, string | undefined>();
  for (const source of sources) {
    const path = source.slice(source.indexOf('/') + 1);
    paths.set(path, paths.has(path) ? undefined : source);
  }
  return new Map(
    [...paths].flatMap(([path, source]) => (source === undefined ? [] : [[path, source] as const])),
  );
}
