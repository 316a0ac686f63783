import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Figure } from './bench.js';
import { contest } from './contest.js';
import { measure } from './measure.js';
import { costCells } from './table.js';

const RATIO = 1.3;

/** From a loopback registry into one synced file, against crane into a folder that nothing syncs. */
export async function figurePack(bench: Bench): Promise<Figure[]> {
  const { airgap, data, folder, rounds, source, spec } = bench;
  const output = join(folder, 'work/packed.tar');
  const pulled = join(folder, 'work/crane');
  const remove = (path: string) => () => rm(path, { recursive: true, force: true });
  const references = data.images.map(({ name }) => `${source.address}/${name}:v1`);
  const standings = await contest(
    [
      {
        name: 'airgap',
        run: () => measure([...airgap, 'pack', spec, '-o', output, '--quiet']),
        clean: remove(output),
      },
      {
        name: 'crane',
        run: () => measure(['crane', 'pull', '--insecure', '--format=oci', ...references, pulled]),
        clean: remove(pulled),
      },
    ],
    rounds,
  );
  return [costCells('pack', standings, RATIO)];
}
