import type { BundleChart } from '../../bundle/manifest.js';
import { waitFor } from '../../kube/wait.js';
import type { StepExecutor } from '../../run/types.js';
import type { ImageProof } from '../proof.js';
import { demandProof, readProof } from '../proof-read.js';
import type { Work } from './types.js';

/** Pods of the old version that are on their way out get this long. */
const LEAVING_MS = 90_000;
/** A kubelet lists a new image every ten seconds, with the names that it had before. */
const LISTED_MS = 15_000;

/** Proves that every running pod runs the images that were to be installed; names what does not. */
export function proveStep(work: Work): StepExecutor {
  const { client, bundle, registry, results } = work;
  const { charts } = bundle.manifest;
  const own = [...new Set(charts.filter(isProducts).map(({ namespace }) => namespace))];
  const places = [
    ...own.map((namespace) => ({ namespace })),
    // What a site needs may have been brought into a namespace that others use too.
    ...charts
      .filter((chart) => !isProducts(chart) && !own.includes(chart.namespace))
      .map(({ namespace, release }) => ({ namespace, release })),
  ];
  const look = async (signal: AbortSignal): Promise<ImageProof> => {
    const site = registry === undefined ? {} : { registry: registry.text, source: registry.client };
    const proof = await readProof(client, bundle, { ...site, places, signal });
    results.proof = proof;
    return proof;
  };
  return {
    observe: async ({ signal }) => {
      const proof = await look(signal);
      const detail = `${proof.containers} containers in ${proof.pods} pods`;
      return proof.ok
        ? { state: 'done', detail }
        : { state: 'ready', detail: `${proof.faults.length} of ${detail}` };
    },
    perform: async ({ signal }) => {
      const started = performance.now();
      const settle = async (): Promise<ImageProof | undefined> => {
        const proof = await look(signal);
        const isListed = performance.now() - started > LISTED_MS;
        const settled =
          proof.ok || (isListed && proof.faults.some((container) => container.passing !== true));
        return settled ? proof : undefined;
      };
      await waitFor(settle, { timeout: LEAVING_MS, every: 2000, signal });
      if (results.proof) demandProof(results.proof);
    },
  };
}

function isProducts({ role }: BundleChart): boolean {
  return role !== 'prerequisite';
}
