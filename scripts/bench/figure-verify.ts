import { type Bench, type Figure, seconds } from './bench.js';
import { contest } from './contest.js';
import { measure } from './measure.js';
import { costCells } from './table.js';

const RATIO = 0.75;
const MEMORY = 200;

/** Every byte of the bundle checked, against one plain SHA-256 of the same file. Both find it in the page cache. */
export async function figureVerify({ airgap, bundle, rounds }: Bench): Promise<Figure[]> {
  const standings = await contest(
    [
      { name: 'airgap', run: () => measure([...airgap, 'verify', bundle, '--quiet']) },
      { name: 'openssl', run: () => measure(['openssl', 'dgst', '-sha256', bundle]) },
    ],
    rounds,
  );
  const [ours] = standings;
  const rss = Math.max(...(ours?.runs.map((cost) => cost.rss) ?? []));
  return [
    costCells('verify', standings, RATIO),
    {
      what: 'verify, peak memory',
      ours: `${rss.toFixed(0)} MiB`,
      peers: '',
      ratio: '',
      budget: `< ${MEMORY} MiB`,
      ok: rss < MEMORY,
    },
    {
      what: 'verify, processor time',
      ours: seconds(ours?.cost.cpu ?? 0),
      peers: `openssl ${seconds(standings[1]?.cost.cpu ?? 0)}`,
      ratio: '',
      budget: '',
      ok: true,
    },
  ];
}
