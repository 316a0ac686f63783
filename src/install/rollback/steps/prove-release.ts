import { AirgapError, type Fault } from '../../../errors.js';
import { isDecoded } from '../../../helm/release.js';
import type { KubeObject } from '../../../kube/types.js';
import type { StepExecutor } from '../../../run/types.js';
import { podSpecOf } from '../../checks/rendered.js';
import { readRelease } from '../../observe.js';
import { valueAt } from '../../values.js';
import { objectsOf } from '../content.js';
import type { RollbackWork } from '../executors.js';
import { findLive, nameOf } from '../observe.js';
import type { RollbackTarget } from '../state.js';

/** Proves that the workloads of the old revisions run the images that these name. */
export function proveReleaseStep(
  { client }: Pick<RollbackWork, 'client'>,
  targets: readonly RollbackTarget[],
): StepExecutor {
  const look = async (signal: AbortSignal): Promise<{ workloads: number; faults: Fault[] }> => {
    let workloads = 0;
    const faults: Fault[] = [];
    for (const target of targets) {
      const { revisions } = await readRelease(client, target, { signal });
      const old = revisions.find((one) => one.revision === target.revision);
      for (const object of old && isDecoded(old) ? objectsOf(old) : []) {
        if (podSpecOf(object) === undefined) continue;
        workloads++;
        const live = await findLive(client, { object, namespace: target.namespace, signal });
        const [expected, found] = [imagesOf(object), live ? imagesOf(live) : 'not there'];
        if (expected !== found)
          faults.push({
            where: `${target.namespace}/${nameOf(object)}`,
            what: 'runs other images',
            expected,
            found,
          });
      }
    }
    return { workloads, faults };
  };
  return {
    observe: async ({ signal }) => {
      const { workloads, faults } = await look(signal);
      return faults.length === 0
        ? { state: 'done', detail: `${workloads} workloads` }
        : { state: 'ready', detail: `${faults.length} of ${workloads} workloads` };
    },
    perform: async ({ signal }) => {
      const { workloads, faults } = await look(signal);
      if (faults.length === 0) return;
      throw new AirgapError(
        'IMAGE_PROOF',
        `${faults.length} of ${workloads} workloads are not of the old version`,
        {
          faults,
        },
      );
    },
  };
}

function imagesOf(object: KubeObject): string {
  const spec = podSpecOf(object);
  const images = ['initContainers', 'containers'].flatMap((list) => {
    const containers = valueAt(spec, [list]);
    return (Array.isArray(containers) ? containers : []).map((one) => String(valueAt(one, ['image'])));
  });
  return [...new Set(images)].sort().join(', ');
}
