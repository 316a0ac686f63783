import { createReadStream } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ContentDigest } from './content-digest.js';
import { readContentDigest } from './content-digest.js';
import { moveDurably, namesIn, readIfThere, removeDurably, sizeOf, writeDurably } from './durable.js';
import { walkRepositories } from './folder-listing.js';
import { digestOfReferrer, type FolderPaths, folderPaths } from './folder-paths.js';
import { createKeyedLock } from './keyed-lock.js';
import { LARGEST_MANIFEST, readManifestContent } from './manifest-content.js';
import { sortedNames } from './paging.js';
import { describeReferrer } from './referrer.js';
import { refuse } from './refusal.js';
import type { ManifestKey, ManifestToPut, StoredManifest, Upload, WritableStore } from './types.js';
import type { FileUpload } from './upload.js';
import { createUploads } from './uploads.js';

/** Large reads: fewer of them cost less than the memory. */
const READ_SIZE = 1024 * 1024;

/**
 * A writable registry in a folder that sweepFolder made ready. Content stands under its digest once for all
 * repositories, links say which repository has it; every change is durable before its answer goes out.
 */
export function createFolderStore(root: string, now: () => number): WritableStore {
  const paths = folderPaths(root);
  const place = { temporary: paths.temporary, top: root };
  const uploads = createUploads(paths.temporary, now);
  const locks = createKeyedLock();

  const link = (path: string, digest: ContentDigest): Promise<void> => writeDurably(path, digest.text, place);
  const hasContent = async (digest: ContentDigest): Promise<boolean> =>
    (await sizeOf(paths.blob(digest))) !== undefined;

  async function digestOf(repository: string, key: ManifestKey): Promise<ContentDigest | undefined> {
    const path =
      'tag' in key ? paths.tagLink(repository, key.tag) : paths.revisionLink(repository, key.digest);
    const text = await readIfThere(path);
    return text && readContentDigest(text.toString('latin1').trim());
  }

  async function manifest(repository: string, key: ManifestKey): Promise<StoredManifest | undefined> {
    const digest = await digestOf(repository, key);
    if (!digest || ((await sizeOf(paths.blob(digest))) ?? Infinity) > LARGEST_MANIFEST) return undefined;
    const bytes = await readIfThere(paths.blob(digest));
    return bytes && { digest, bytes, mediaType: readManifestContent(bytes).mediaType };
  }

  async function finishUpload(upload: Upload, digest: ContentDigest): Promise<void> {
    const session = upload as FileUpload;
    try {
      const hex = await session.seal(digest.algorithm);
      if (hex !== digest.hex) {
        const detail = { expected: digest.text, found: `${digest.algorithm}:${hex}`, size: session.size };
        throw refuse('DIGEST_INVALID', 'the content does not have this digest', { detail });
      }
      await locks.run(digest.text, async () => {
        const isThere = (await sizeOf(paths.blob(digest))) === session.size;
        if (!isThere) await moveDurably(session.path, paths.blob(digest), root);
        await link(paths.layerLink(session.repository, digest), digest);
      });
    } finally {
      await uploads.end(session.id);
    }
  }

  async function mount(repository: string, digest: ContentDigest, from?: string): Promise<boolean> {
    return locks.run(digest.text, async () => {
      const isLinked = from === undefined || (await sizeOf(paths.layerLink(from, digest))) !== undefined;
      if (!isLinked || !(await hasContent(digest))) return false;
      await link(paths.layerLink(repository, digest), digest);
      return true;
    });
  }

  async function putManifest(repository: string, put: ManifestToPut): Promise<void> {
    const { digest, bytes, content } = put;
    await locks.run(digest.text, async () => {
      if ((await sizeOf(paths.blob(digest))) !== bytes.length)
        await writeDurably(paths.blob(digest), bytes, place);
      await link(paths.revisionLink(repository, digest), digest);
    });
    if (content.subject) {
      const entry = JSON.stringify(describeReferrer(put));
      await writeDurably(paths.referrer(repository, content.subject, digest), entry, place);
    }
    for (const tag of put.tags) {
      await link(paths.tagIndexLink(repository, tag, digest), digest);
      await link(paths.tagLink(repository, tag), digest);
    }
  }

  async function tagNames(repository: string): Promise<string[]> {
    const links = (await namesIn(paths.tags(repository))).map(async (tag) => {
      const isSet = (await sizeOf(paths.tagLink(repository, tag))) !== undefined;
      return isSet ? [tag] : [];
    });
    return sortedNames((await Promise.all(links)).flat());
  }

  async function deleteManifest(repository: string, digest: ContentDigest): Promise<boolean> {
    const found = await manifest(repository, { digest });
    if (!found) return false;
    for (const tag of await tagNames(repository)) {
      const current = await digestOf(repository, { tag });
      if (current?.text === digest.text) await removeDurably(paths.tag(repository, tag));
    }
    const { subject } = readManifestContent(found.bytes);
    if (subject) await removeDurably(paths.referrer(repository, subject, digest));
    return unlink(paths.revisionLink(repository, digest), digest);
  }

  /** Removes a link, and the content with its last link. */
  async function unlink(path: string, digest: ContentDigest): Promise<boolean> {
    return locks.run(digest.text, async () => {
      const wasThere = await removeDurably(dirname(path));
      if (wasThere && !(await isLinkedAnywhere(paths, digest)))
        await removeDurably(dirname(paths.blob(digest)));
      return wasThere;
    });
  }

  return {
    async freeBytes() {
      const { bavail, bsize } = await statfs(root);
      return bavail * bsize;
    },
    locate: (name) => name,
    async repositories() {
      const names: string[] = [];
      for await (const name of walkRepositories(paths)) names.push(name);
      return sortedNames(names);
    },
    async tags(repository) {
      const isKnown = (await namesIn(dirname(dirname(paths.tags(repository))))).some((name) =>
        name.startsWith('_'),
      );
      return isKnown ? tagNames(repository) : undefined;
    },
    manifest,
    async blob(repository, digest) {
      if ((await sizeOf(paths.layerLink(repository, digest))) === undefined) return undefined;
      const path = paths.blob(digest);
      const size = await sizeOf(path);
      if (size === undefined) return undefined;
      return { size, open: (range) => createReadStream(path, { highWaterMark: READ_SIZE, ...range }) };
    },
    async referrers(repository, subject) {
      const names = sortedNames(await namesIn(paths.referrers(repository, subject)));
      const entries = names.map(async (name) => {
        const digest = digestOfReferrer(name);
        const text = digest && (await readIfThere(paths.referrer(repository, subject, digest)));
        return text ? [JSON.parse(text.toString('utf8'))] : [];
      });
      return (await Promise.all(entries)).flat();
    },
    startUpload: (repository, algorithm = 'sha256') => uploads.start(repository, algorithm),
    findUpload: (repository, id) => uploads.find(repository, id),
    finishUpload,
    cancelUpload: (upload) => uploads.end(upload.id),
    mount,
    putManifest,
    deleteTag: (repository, tag) => removeDurably(paths.tag(repository, tag)),
    deleteManifest,
    deleteBlob: (repository, digest) => unlink(paths.layerLink(repository, digest), digest),
    close: () => uploads.close(),
  };
}

async function isLinkedAnywhere(paths: FolderPaths, digest: ContentDigest): Promise<boolean> {
  for await (const repository of walkRepositories(paths)) {
    for (const path of [paths.layerLink(repository, digest), paths.revisionLink(repository, digest)]) {
      if ((await sizeOf(path)) !== undefined) return true;
    }
  }
  return false;
}
