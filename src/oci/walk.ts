import { AirgapError } from '../errors.js';
import { mapPooled } from '../io/pool.js';
import { blobsOf, type ParsedManifest, parseManifest } from './parse.js';
import type { Descriptor, Digest, ImageSource, ManifestBytes } from './types.js';

/** All that an image consists of. */
export interface ImageTree {
  readonly root: ManifestBytes;
  /** Every manifest and index once, children before parents, the root last. */
  readonly manifests: readonly WalkedManifest[];
  /** Every config and layer once. */
  readonly blobs: readonly Descriptor[];
}

export interface WalkedManifest extends ManifestBytes {
  readonly parsed: ParsedManifest;
}

export interface WalkOptions {
  readonly signal?: AbortSignal;
  /** The root when the caller has read it already. */
  readonly root?: ManifestBytes;
}

/** Indexes within indexes. */
export const DEEPEST = 4;
const WIDTH = 4;

/**
 * Reads every manifest below a tag or digest. Blobs are not touched; `subject` and attestations' contents are
 * carried as they are, never followed.
 * @throws AirgapError IMAGE_INVALID, IMAGE_UNSUPPORTED, BLOB_MISMATCH and those of the source
 */
export async function walkImage(
  source: ImageSource,
  repository: string,
  tagOrDigest: string,
  options: WalkOptions = {},
): Promise<ImageTree> {
  const read = options.signal ? { signal: options.signal } : {};
  const root = options.root ?? (await source.manifest(repository, tagOrDigest, read));
  const manifests = new Map<Digest, WalkedManifest>();
  const blobs = new Map<Digest, Descriptor>();
  const seen = new Set<Digest>();

  const visit = async (manifest: ManifestBytes, depth: number): Promise<void> => {
    const { descriptor } = manifest;
    const what = `the manifest ${descriptor.digest} of ${repository || 'the source'}`;
    const parsed = parseManifest(manifest.bytes, descriptor.mediaType, what);
    if (parsed.kind === 'image') {
      for (const blob of blobsOf(parsed)) noteBlob(blobs, blob, what);
    } else {
      if (depth >= DEEPEST) throw tooDeep(what);
      const children = parsed.manifests.filter(({ digest }) => isNew(seen, digest));
      await mapPooled(children, WIDTH, (child) => readChild(child, depth + 1, what), options.signal);
    }
    manifests.set(descriptor.digest, { ...manifest, parsed });
  };

  const readChild = async (child: Descriptor, depth: number, what: string): Promise<void> => {
    const found = await source.manifest(repository, child.digest, read);
    if (found.descriptor.digest !== child.digest || found.bytes.length !== child.size) {
      throw new AirgapError('BLOB_MISMATCH', `${what} lists a child that is something else`, {
        expected: `${child.digest}  (${child.size} bytes)`,
        found: `${found.descriptor.digest}  (${found.bytes.length} bytes)`,
      });
    }
    await visit({ descriptor: child, bytes: found.bytes }, depth);
  };

  seen.add(root.descriptor.digest);
  await visit(root, 0);
  return { root, manifests: childrenFirst(root.descriptor.digest, manifests), blobs: [...blobs.values()] };
}

/** The order of reading depends on who answers first; this one does not. */
function childrenFirst(root: Digest, manifests: ReadonlyMap<Digest, WalkedManifest>): WalkedManifest[] {
  const ordered = new Set<WalkedManifest>();
  const place = (digest: Digest): void => {
    const manifest = manifests.get(digest);
    if (!manifest || ordered.has(manifest)) return;
    if (manifest.parsed.kind === 'index') for (const child of manifest.parsed.manifests) place(child.digest);
    ordered.add(manifest);
  };
  place(root);
  return [...ordered];
}

function isNew<T>(seen: Set<T>, item: T): boolean {
  const known = seen.has(item);
  seen.add(item);
  return !known;
}

/** One digest cannot have two sizes. */
function noteBlob(blobs: Map<Digest, Descriptor>, blob: Descriptor, what: string): void {
  const known = blobs.get(blob.digest);
  if (known && known.size !== blob.size) {
    throw new AirgapError('IMAGE_INVALID', `${what} gives ${blob.digest} two sizes`, {
      found: `${known.size} and ${blob.size} bytes`,
    });
  }
  blobs.set(blob.digest, known ?? blob);
}

function tooDeep(what: string): AirgapError {
  return new AirgapError('IMAGE_INVALID', `${what} is nested too deeply`, {
    expected: `at most ${DEEPEST} levels of indexes`,
  });
}
