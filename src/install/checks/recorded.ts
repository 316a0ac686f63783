import type { KubeObject } from '../../kube/types.js';
import { manifestObjects } from '../manifest.js';
import { current } from '../observe-product.js';
import type { Observation } from '../site.js';

/** By release: the objects of what runs, by helm's record of it; none where nothing runs. Pure. */
export function recordedBy({ releases }: Pick<Observation, 'releases'>): Map<string, readonly KubeObject[]> {
  return new Map(
    [...releases].map(([name, facts]) => [name, manifestObjects(current(facts)?.manifest ?? '', name)]),
  );
}
