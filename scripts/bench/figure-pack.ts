import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Figure } from './bench.js';
import { contest, type Standing } from './contest.js';
import { measure, measureAll, run } from './measure.js';
import { costCells } from './table.js';

/** Against crane, which fills a folder and syncs nothing. */
const FOLDER_RATIO = 1.3;
/** Against hauler, which makes one file as we do. */
const FILE_RATIO = 0.6;

/**
 * From a loopback registry into one synced file, against `crane pull` of all images into a folder; and, where hauler
 * is on the PATH (nothing here installs it), against `hauler store sync` and `store save`.
 */
export async function figurePack(bench: Bench): Promise<Figure[]> {
  const { airgap, data, folder, rounds, source, spec } = bench;
  const output = join(folder, 'work/packed.tar');
  const pulled = join(folder, 'work/crane');
  const remove = (path: string) => () => rm(path, { recursive: true, force: true });
  const store = join(folder, 'work/hauler');
  const manifest = join(folder, 'work/hauler.yaml');
  const references = data.images.map(({ name }) => `${source.address}/${name}:v1`);
  const [ours, crane, hauler] = await contest(
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
      ...((await hasHauler())
        ? [
            {
              name: 'hauler',
              prepare: () => writeFile(manifest, haulerManifest(references)),
              run: () =>
                measureAll([
                  ['hauler', 'store', 'sync', '--exclude-extras', '-f', manifest, '-s', store],
                  ['hauler', 'store', 'save', '-f', `${store}.tar.zst`, '-s', store],
                ]),
              clean: () =>
                Promise.all([store, `${store}.tar.zst`].map((path) => remove(path)())).then(() => {}),
            },
          ]
        : []),
    ],
    rounds,
  );
  return [
    costCells('pack', [ours, crane] as Standing[], FOLDER_RATIO),
    ...(hauler ? [costCells('pack, against a file', [ours, hauler] as Standing[], FILE_RATIO)] : []),
  ];
}

async function hasHauler(): Promise<boolean> {
  return run(['hauler', 'version']).then(
    () => true,
    () => false,
  );
}

function haulerManifest(references: readonly string[]): string {
  return [
    'apiVersion: content.hauler.cattle.io/v1',
    'kind: Images',
    'metadata: { name: benchmark }',
    'spec:',
    '  images:',
    ...references.map((reference) => `    - { name: "${reference}" }`),
    '',
  ].join('\n');
}
