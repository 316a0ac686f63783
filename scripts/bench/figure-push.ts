import { join } from 'node:path';
import { type Bench, type Figure, seconds } from './bench.js';
import { type Contender, contest } from './contest.js';
import { type Cost, measure, measureAll, median } from './measure.js';
import { startProxy } from './proxy.js';
import { type BenchRegistry, startDistribution } from './registry.js';
import { costCells } from './table.js';

const RATIO = 0.75;
const REPEAT_LIMIT = 1;

/** Into an empty docker-registry: time against three peers, bytes that arrive, and a second push of the same. */
export async function figurePush(bench: Bench): Promise<Figure[]> {
  const repeats: number[] = [];
  const push = async (address: string): Promise<Cost> => {
    const cost = await measure(pushCommand(bench, address));
    repeats.push((await measure(pushCommand(bench, address))).wall);
    return cost;
  };
  const { images } = bench.data;
  const each = (argv: (name: string, layout: string) => string[]) =>
    measureAll(images.map(({ name, layout }) => argv(name, layout)));
  const standings = await contest(
    [
      withRegistry(bench, 'airgap', push),
      withRegistry(bench, 'skopeo', (address) =>
        each((name, layout) => [
          ...['skopeo', 'copy', '-q', '--dest-tls-verify=false'],
          ...[`oci:${layout}:${name}`, `docker://${address}/${name}:v1`],
        ]),
      ),
      withRegistry(bench, 'crane', (address) =>
        each((name, layout) => ['crane', 'push', '--insecure', layout, `${address}/${name}:v1`]),
      ),
      withRegistry(bench, 'regctl', (address) =>
        each((name, layout) => [
          ...['regctl', '--host', `reg=${address},tls=disabled`, 'image', 'copy'],
          ...[`ocidir://${layout}:${name}`, `${address}/${name}:v1`],
        ]),
      ),
    ],
    bench.rounds,
  );
  const repeat = median(repeats);
  return [
    costCells('push', standings, RATIO),
    {
      what: 'push, all present',
      ours: seconds(repeat),
      peers: '',
      ratio: '',
      budget: `< ${REPEAT_LIMIT} s`,
      ok: repeat < REPEAT_LIMIT,
    },
    await countBytes(bench),
  ];
}

export function pushCommand({ airgap, bundle }: Bench, address: string): string[] {
  return [...airgap, 'push', bundle, '--registry', address, '--plain-http', '--quiet'];
}

/** Each run gets a registry of its own with an empty store. */
function withRegistry(bench: Bench, name: string, work: (address: string) => Promise<Cost>): Contender {
  let registry: BenchRegistry | undefined;
  return {
    name,
    prepare: async () => {
      registry = await startDistribution(join(bench.folder, 'work/registry'));
    },
    run: () => work(registry?.address ?? ''),
    clean: async () => registry?.stop(),
  };
}

/** What the registry is sent, counted on the way. */
async function countBytes(bench: Bench): Promise<Figure> {
  const registry = await startDistribution(join(bench.folder, 'work/counted'));
  const proxy = await startProxy(registry.address);
  try {
    await measure(pushCommand(bench, proxy.address));
    const unique = [...bench.data.blobs.values()].reduce((sum, size) => sum + size, 0);
    const once = [...bench.data.blobs.keys()].every((digest) => proxy.finished().get(digest) === 1);
    const sent = proxy.blobBytes();
    return {
      what: 'push, bytes of blobs that arrive',
      ours: String(sent),
      peers: `unique ${unique}`,
      ratio: (sent / unique).toFixed(4),
      budget: 'each blob once',
      ok: once && sent === unique,
    };
  } finally {
    await proxy.close();
    await registry.stop();
  }
}
