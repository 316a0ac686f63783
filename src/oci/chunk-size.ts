const MIB = 1024 * 1024;
/** Tried in this order once a body was refused as too large. */
const STEPS = [64 * MIB, 16 * MIB, 5 * MIB];

/** How large the bodies of uploads may be on the way to one registry; learnt once, kept for all its blobs. */
export interface ChunkSizes {
  /** Bytes; undefined means whole blobs. Never below what the registry asks for (OCI-Chunk-Min-Length). */
  current(minimum?: number): number | undefined;
  /** Takes the next smaller size; false when there is none that the registry's minimum allows. */
  shrink(minimum?: number): boolean;
}

export function createChunkSizes(first: number | undefined): ChunkSizes {
  let size = first;
  const effective = (minimum = 0): number | undefined =>
    size === undefined ? undefined : Math.max(size, minimum);
  return {
    current: effective,
    shrink(minimum = 0) {
      const before = effective(minimum) ?? Number.POSITIVE_INFINITY;
      const next = STEPS.find((step) => Math.max(step, minimum) < before);
      if (next === undefined) return false;
      size = next;
      return true;
    },
  };
}
