import { AirgapError, EXIT, type Fault, isAirgapError } from '../errors.js';
import { forEachPooled, mapPooled } from '../io/pool.js';
import { copyBlob } from './copy-blob.js';
import { planBlobs, type TreeAt } from './copy-plan.js';
import { createTally, type Tally } from './copy-tally.js';
import type { CopiedImage, CopyImage, CopyOptions, CopyReport } from './copy-types.js';
import { putTree, readBack } from './manifest-put.js';
import type { Digest, ManifestBytes } from './types.js';
import { walkImage } from './walk.js';

const LOOKUPS = 8;
const BLOBS = 4;

interface Looked {
  readonly image: CopyImage;
  readonly root: ManifestBytes;
  /** What the target name stands for now. */
  readonly before: Digest | undefined;
}

/**
 * Copies images: all blobs of all images in one pool, each sent once to one repository and mounted into the
 * others; then manifests byte for byte, children before parents; tags last, and only of images whose every blob was
 * right; then every name is read back. An image whose target name already stands for its digest is not looked at.
 * @throws AirgapError BLOB_MISMATCH with every bad blob, after the good images are done; DECISION_NEEDED when tags
 * exist and `existingTags` is `refuse`, before anything is sent; REGISTRY_CONTENT when what is read back differs
 */
export async function copyImages(images: readonly CopyImage[], options: CopyOptions): Promise<CopyReport> {
  const looked = await mapPooled(
    images,
    LOOKUPS,
    (image, signal) => look(image, options, signal),
    options.signal,
  );
  if (options.existingTags === 'refuse') refuseTags(looked);
  const missing = looked.filter(({ root, before }) => before !== root.descriptor.digest);
  const trees = await mapPooled(
    missing,
    LOOKUPS,
    (entry, signal) => walk(entry, options, signal),
    options.signal,
  );
  const tally = createTally(planBlobs(trees), options);
  const bad = await copyBlobs(tally, options);
  const good = trees.filter(({ tree }) => !tree.blobs.some(({ digest }) => bad.has(digest)));
  const manifests = await putManifests(good, options);
  await putTags(good, options);
  await forEachPooled(good, LOOKUPS, (entry, signal) => readBack(entry, options, signal), options.signal);
  if (bad.size > 0) throw badBlobs([...bad.values()]);
  return { images: looked.map(outcomeOf), ...tally.counts(), manifests };
}

async function look(image: CopyImage, options: CopyOptions, signal: AbortSignal): Promise<Looked> {
  const { source, target } = image;
  const root = await options.from.manifest(source.repository, source.tagOrDigest, { signal });
  const name = target.tag ?? root.descriptor.digest;
  return { image, root, before: await options.to.hasManifest(target.repository, name, { signal }) };
}

interface Walked extends TreeAt {
  readonly tag: string | undefined;
}

async function walk({ image, root }: Looked, options: CopyOptions, signal: AbortSignal): Promise<Walked> {
  const { source, target } = image;
  const tree = await walkImage(options.from, source.repository, source.tagOrDigest, { root, signal });
  return { tree, sourceRepository: source.repository, targetRepository: target.repository, tag: target.tag };
}

/** Gives the blobs that were not what they should be; anything else that fails ends the copy. */
async function copyBlobs(tally: Tally, options: CopyOptions): Promise<Map<Digest, AirgapError>> {
  const bad = new Map<Digest, AirgapError>();
  await forEachPooled(
    tally.tasks,
    options.concurrency ?? BLOBS,
    async (task, signal) => {
      try {
        await copyBlob(task, tally, options, signal);
      } catch (error) {
        if (!isAirgapError(error) || error.exitStatus !== EXIT.integrity) throw error;
        bad.set(task.descriptor.digest, error);
      }
    },
    options.signal,
  );
  return bad;
}

async function putManifests(good: readonly Walked[], options: CopyOptions): Promise<number> {
  const counts = await mapPooled(
    good,
    LOOKUPS,
    (entry, signal) => putTree(entry, options, signal),
    options.signal,
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

async function putTags(good: readonly Walked[], options: CopyOptions): Promise<void> {
  const tagged = good.filter(({ tag }) => tag !== undefined);
  await forEachPooled(
    tagged,
    LOOKUPS,
    ({ tree, targetRepository, tag }, signal) =>
      options.to.putManifest(targetRepository, tag as string, tree.root, { signal }),
    options.signal,
  );
}

function refuseTags(looked: readonly Looked[]): void {
  const faults: Fault[] = looked
    .filter(({ image, root, before }) => image.target.tag && before && before !== root.descriptor.digest)
    .map(({ image, root, before }) => ({
      where: `${image.target.repository}:${image.target.tag}`,
      what: 'stands for another image',
      expected: root.descriptor.digest,
      found: before as string,
    }));
  if (faults.length === 0) return;
  throw new AirgapError('DECISION_NEEDED', `${faults.length} tags of the target stand for other images`, {
    faults,
    hint: 'look at the tags listed; allow the change only if nobody else relies on them',
  });
}

function badBlobs(errors: readonly AirgapError[]): AirgapError {
  const faults = errors.map((error) => ({
    where: error.message,
    what: 'the images that need it were not tagged',
    ...(error.expected === undefined ? {} : { expected: error.expected }),
    ...(error.found === undefined ? {} : { found: error.found }),
  }));
  const count = errors.length === 1 ? '1 blob is' : `${errors.length} blobs are`;
  return new AirgapError('BLOB_MISMATCH', `${count} not what the images say`, { faults, cause: errors[0] });
}

function outcomeOf({ image, root, before }: Looked): CopiedImage {
  const { digest } = root.descriptor;
  const { repository, tag } = image.target;
  return {
    repository,
    ...(tag === undefined ? {} : { tag }),
    digest,
    outcome: before === digest ? 'present' : 'copied',
    ...(before !== undefined && before !== digest ? { replaced: before } : {}),
  };
}
