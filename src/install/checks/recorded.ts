import type { KubeObject } from '../../kube/types.js';
import { current } from '../observe-product.js';
import type { Observation } from '../site.js';
import { manifestObjects } from '../steps/saved-site.js';

/** By release: the objects of what runs, by helm's record of it; none where nothing runs. Pure. */
export function recordedBy({ releases }: Pick<Observation, 'releases'>): Map<string, readonly KubeObject[]> {
  return new Map(
    [...releases].map(([name, facts]) => [name, manifestObjects(current(facts)?.manifest ?? '', name)]),
  );
}
