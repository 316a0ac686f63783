import type { ContentDigest } from './content-digest.js';
import { type ManifestContent, readManifestContent } from './manifest-content.js';
import { sortedNames } from './paging.js';
import { refuse } from './refusal.js';
import type { ContentStore, ManifestToPut, WritableStore } from './types.js';

/**
 * A writable folder above a read-only bundle: what is pulled comes from the folder, else from the bundle; what is
 * pushed goes to the folder. A manifest that is pushed takes what it needs from the bundle along, so that the
 * folder is whole without it.
 */
export function createOverlayStore(above: WritableStore, below: ContentStore): WritableStore {
  const copyBlob = async (repository: string, digest: ContentDigest, from: string): Promise<boolean> => {
    if (await above.blob(repository, digest)) return true;
    const blob = await below.blob(from, digest);
    if (!blob) return false;
    const upload = await above.startUpload(repository, digest.algorithm);
    await upload.append(await blob.open());
    await above.finishUpload(upload, digest);
    return true;
  };
  const copyManifest = async (repository: string, digest: ContentDigest): Promise<void> => {
    if (await above.manifest(repository, { digest })) return;
    const found = await below.manifest(repository, { digest });
    if (!found) return;
    const content = readManifestContent(found.bytes);
    await copyParts(repository, content);
    await above.putManifest(repository, { digest, bytes: found.bytes, content, tags: [] });
  };
  const copyParts = async (repository: string, content: ManifestContent): Promise<void> => {
    for (const digest of content.blobs) await copyBlob(repository, digest, repository);
    for (const digest of content.manifests) await copyManifest(repository, digest);
  };

  return {
    ...above,
    locate: (name, namespace) => below.locate(name, namespace),
    async repositories() {
      return sortedNames(new Set([...(await above.repositories()), ...(await below.repositories())]));
    },
    async tags(repository) {
      const lists = [await above.tags(repository), await below.tags(repository)];
      if (!lists[0] && !lists[1]) return undefined;
      return sortedNames(new Set(lists.flatMap((list) => list ?? [])));
    },
    manifest: async (repository, key) =>
      (await above.manifest(repository, key)) ?? below.manifest(repository, key),
    blob: async (repository, digest) =>
      (await above.blob(repository, digest)) ?? below.blob(repository, digest),
    async referrers(repository, subject) {
      const lists = [
        ...(await above.referrers(repository, subject)),
        ...(await below.referrers(repository, subject)),
      ];
      return [...new Map(lists.map((entry) => [entry.digest, entry])).values()];
    },
    async putManifest(repository: string, manifest: ManifestToPut) {
      await copyParts(repository, manifest.content);
      await above.putManifest(repository, manifest);
    },
    mount: async (repository, digest, from) =>
      (await above.mount(repository, digest, from)) || copyBlob(repository, digest, from ?? repository),
    deleteTag: async (repository, tag) =>
      (await above.deleteTag(repository, tag)) || refuseIf(await below.manifest(repository, { tag })),
    deleteManifest: async (repository, digest) =>
      (await above.deleteManifest(repository, digest)) ||
      refuseIf(await below.manifest(repository, { digest })),
    deleteBlob: async (repository, digest) =>
      (await above.deleteBlob(repository, digest)) || refuseIf(await below.blob(repository, digest)),
    async close() {
      await above.close();
      await below.close();
    },
  };
}

function refuseIf(found: object | undefined): false {
  if (found) throw refuse('UNSUPPORTED', 'this content is part of the bundle, which is served read-only');
  return false;
}
