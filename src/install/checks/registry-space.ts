import type { Payload } from '../../bundle/payload.js';
import { walkImage } from '../../oci/walk.js';
import type { Finding } from '../findings.js';
import { parseTarget } from '../push.js';
import { formatGb } from './quantity.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'registry.space', title: 'room in the registry' };
/** What a registry needs beside the content while it takes uploads in. */
const FACTOR = 1.1;

export const registrySpaceCheck: Check = {
  row: ROW,
  applies: ({ site }) => site.registry !== undefined,
  run: async ({ bundle, site, registry, signal }) => {
    const state = site.registry?.state;
    const lacking = [...(state?.missing ?? []), ...(state?.different ?? []).map(({ target }) => target)];
    const needed = await bytesOf(bundle, lacking, signal);
    const free = needed === 0 ? undefined : await registry?.client.freeSpace({ signal });
    return [judgeRegistrySpace({ needed, ...(free === undefined ? {} : { free }) })];
  },
};

/** Bytes of the images’ blobs, each once; some may be in the registry under other names. */
export async function bytesOf(
  bundle: Payload,
  targets: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const sizes = new Map<string, number>();
  for (const { target, descriptor } of bundle.manifest.images) {
    if (!targets.includes(target)) continue;
    const { repository } = parseTarget(target);
    const tree = await walkImage(bundle.images, repository, descriptor.digest, { signal });
    for (const { parsed } of tree.manifests)
      if (parsed.kind === 'image')
        for (const { digest, size } of [parsed.config, ...parsed.layers]) sizes.set(digest, size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

/** No registry’s API has a call for this; airgap’s own tells it (`registry serve`). */
export function judgeRegistrySpace({
  needed,
  free,
}: {
  readonly needed: number;
  readonly free?: number;
}): Finding {
  if (needed === 0) return { ...ROW, outcome: 'pass', seen: 'nothing has to be written' };
  const wanted = `${formatGb(needed)} are to be pushed`;
  if (free === undefined) {
    const seen = `${wanted}; this registry does not tell how much room it has: look at its volume`;
    return { ...ROW, outcome: 'not-checked', seen };
  }
  const seen = `${wanted}, ${formatGb(free)} are free`;
  const expected = `${formatGb(needed * FACTOR)} free`;
  if (free >= needed * FACTOR) return { ...ROW, outcome: 'pass', seen, expected };
  const advice = 'make room on the volume of the registry, or give it a larger one';
  return { ...ROW, outcome: 'fail', seen, expected, advice };
}
