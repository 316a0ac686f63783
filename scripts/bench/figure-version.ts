import type { Bench, Figure } from './bench.js';
import { measure, median } from './measure.js';

const LIMIT = 0.12;

/** How long the program takes to say its version: what every command pays before it begins. */
export async function figureVersion({ airgap }: Bench): Promise<Figure[]> {
  const walls: number[] = [];
  for (let turn = 0; turn < 15; turn++) walls.push((await measure([...airgap, '--version'])).wall);
  const wall = median(walls);
  return [
    {
      what: 'airgap --version',
      ours: `${wall.toFixed(3)} s`,
      peers: '',
      ratio: '',
      budget: `< ${LIMIT} s`,
      ok: wall < LIMIT,
    },
  ];
}
