import { join } from 'node:path';
import { type Bench, type Figure, seconds } from './bench.js';
import { type Contender, contest } from './contest.js';
import { pushCommand } from './figure-push.js';
import { type Cost, measure } from './measure.js';
import { type BenchRegistry, startDistribution, startEmbedded } from './registry.js';

/** Processor time of a registry that takes the bundle in: ours, which syncs everything, against Debian's. */
export async function figureServe(bench: Bench): Promise<Figure[]> {
  const folder = join(bench.folder, 'work/intake');
  const standings = await contest(
    [
      intake(bench, 'airgap', () => startEmbedded(folder, bench.airgap)),
      intake(bench, 'docker-registry', () => startDistribution(folder)),
    ],
    bench.rounds,
  );
  const [ours, theirs] = standings.map(({ cost }) => cost.cpu);
  const ratio = (ours ?? 0) / (theirs ?? 1);
  return [
    {
      what: 'registry, processor time to take the bundle in',
      ours: seconds(ours ?? 0),
      peers: `docker-registry ${seconds(theirs ?? 0)}`,
      ratio: ratio.toFixed(2),
      budget: '<= 1.00',
      ok: ratio <= 1,
    },
  ];
}

/** The cost of a run is here the registry's, not the client's. */
function intake(bench: Bench, name: string, start: () => Promise<BenchRegistry>): Contender {
  let registry: BenchRegistry | undefined;
  return {
    name,
    prepare: async () => {
      registry = await start();
    },
    run: async (): Promise<Cost> => {
      const before = (await registry?.cpu()) ?? 0;
      const { wall, rss } = await measure(pushCommand(bench, registry?.address ?? ''));
      return { wall, rss, cpu: ((await registry?.cpu()) ?? 0) - before };
    },
    clean: async () => registry?.stop(),
  };
}
