import { AirgapError } from '../errors.js';
import { answerOf, type RegistryAnswer } from './answer.js';
import { send } from './copy-blob.js';
import type { TreeAt } from './copy-plan.js';
import type { CopyOptions } from './copy-types.js';
import { isDigest } from './digest.js';
import { blobsOf } from './parse.js';
import type { Digest } from './types.js';
import type { WalkedManifest } from './walk.js';

/** Puts every manifest of an image by digest, children before parents. Gives their number. */
export async function putTree(entry: TreeAt, options: CopyOptions, signal: AbortSignal): Promise<number> {
  for (const manifest of entry.tree.manifests) await putOne(manifest, entry, options, signal);
  return entry.tree.manifests.length;
}

/** Compares what a name stands for with what was put. @throws AirgapError REGISTRY_CONTENT */
export async function readBack(
  entry: TreeAt & { readonly tag: string | undefined },
  options: CopyOptions,
  signal: AbortSignal,
): Promise<void> {
  const { descriptor } = entry.tree.root;
  const name = entry.tag ?? descriptor.digest;
  const found = await options.to.hasManifest(entry.targetRepository, name, { signal });
  if (found !== descriptor.digest) {
    throw new AirgapError('REGISTRY_CONTENT', `${entry.targetRepository}:${name} is not what was pushed`, {
      expected: descriptor.digest,
      found: found ?? 'nothing',
    });
  }
  if (options.paranoid) await readAll(entry, options.paranoid, signal);
}

/** A registry whose HEAD was wrong, or that lost a blob since, names what it lacks: that is sent once more. */
async function putOne(
  manifest: WalkedManifest,
  entry: TreeAt,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<void> {
  const put = (): Promise<void> =>
    options.to.putManifest(entry.targetRepository, manifest.descriptor.digest, manifest, { signal });
  try {
    await put();
  } catch (error) {
    const answer = answerOf(error);
    if (!answer || !LACKING.some((code) => answer.has(code))) throw error;
    const text = `the registry lacks parts of ${entry.targetRepository}@${manifest.descriptor.digest} that it said it had; sending them again`;
    options.emit?.({ type: 'note', level: 'warn', text });
    await sendAgain(manifest, answer, entry, options, signal);
    await put();
  }
}

const LACKING = ['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN'];

async function sendAgain(
  manifest: WalkedManifest,
  answer: RegistryAnswer,
  entry: TreeAt,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<void> {
  const { parsed } = manifest;
  const { sourceRepository, targetRepository } = entry;
  if (parsed.kind === 'index') {
    const children = new Set(parsed.manifests.map(({ digest }) => digest));
    const again = entry.tree.manifests.filter(({ descriptor }) => children.has(descriptor.digest));
    for (const child of again) await putOne(child, entry, options, signal);
    return;
  }
  const named = lackingDigests(answer);
  const blobs = blobsOf(parsed);
  const listed = blobs.filter(({ digest }) => named.has(digest));
  for (const descriptor of listed.length > 0 ? listed : blobs) {
    await send({ descriptor, sourceRepository, targets: [] }, targetRepository, undefined, options, signal);
  }
}

function lackingDigests(answer: RegistryAnswer): Set<Digest> {
  const texts = answer.faults.flatMap(
    ({ detail }) => JSON.stringify(detail ?? '').match(/sha256:[0-9a-f]{64}/g) ?? [],
  );
  return new Set(texts.filter(isDigest));
}

/** Reads every byte of an image back; the stream checks the digests. */
async function readAll(
  entry: TreeAt,
  source: NonNullable<CopyOptions['paranoid']>,
  signal: AbortSignal,
): Promise<void> {
  for (const { descriptor } of entry.tree.manifests) {
    await source.manifest(entry.targetRepository, descriptor.digest, { signal });
  }
  for (const descriptor of entry.tree.blobs) {
    const stream = await source.blob(entry.targetRepository, descriptor, { signal });
    for await (const _chunk of stream);
  }
}
