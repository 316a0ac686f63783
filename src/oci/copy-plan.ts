import type { Descriptor, Digest } from './types.js';
import type { ImageTree } from './walk.js';

/** An image whose parts are known. */
export interface TreeAt {
  readonly tree: ImageTree;
  readonly sourceRepository: string;
  readonly targetRepository: string;
}

/** One blob of all images together. */
export interface BlobTask {
  readonly descriptor: Descriptor;
  readonly sourceRepository: string;
  /** Every repository that needs it, in the order of the images. */
  readonly targets: readonly string[];
}

/** Each blob once, the largest first so that no long one is left for the end. */
export function planBlobs(images: readonly TreeAt[]): BlobTask[] {
  const tasks = new Map<Digest, { descriptor: Descriptor; sourceRepository: string; targets: Set<string> }>();
  for (const { tree, sourceRepository, targetRepository } of images) {
    for (const descriptor of tree.blobs) {
      const known = tasks.get(descriptor.digest) ?? { descriptor, sourceRepository, targets: new Set() };
      known.targets.add(targetRepository);
      tasks.set(descriptor.digest, known);
    }
  }
  return [...tasks.values()]
    .map((task) => ({ ...task, targets: [...task.targets] }))
    .sort((one, other) => other.descriptor.size - one.descriptor.size);
}
