import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bench, type Figure, prepare } from './bench.js';
import { figureFiles } from './figure-files.js';
import { figurePack } from './figure-pack.js';
import { figurePush } from './figure-push.js';
import { figureServe } from './figure-serve.js';
import { figureVerify } from './figure-verify.js';
import { figureVersion } from './figure-version.js';
import { formatFigures } from './table.js';

const FIGURES: Readonly<Record<string, (bench: Bench) => Promise<Figure[]>>> = {
  version: figureVersion,
  verify: figureVerify,
  pack: figurePack,
  push: figurePush,
  files: figureFiles,
  serve: figureServe,
};

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    only: { type: 'string' },
    scale: { type: 'string', default: '1' },
    dir: { type: 'string', default: tmpdir() },
    json: { type: 'string' },
  },
});

const names = values.only?.split(',') ?? Object.keys(FIGURES);
const unknown = names.filter((name) => !(name in FIGURES));
if (unknown.length > 0)
  throw new Error(`no figure ${unknown.join(', ')}; there are ${Object.keys(FIGURES).join(', ')}`);

const say = (text: string): void => console.error(`bench: ${text}`);
const folder = await mkdtemp(join(values.dir, 'airgap-bench-'));
const figures: Figure[] = [];
try {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const bench = await prepare({
    folder,
    root,
    rounds: Number(values.runs),
    scale: Number(values.scale),
    say,
  });
  say(
    `${(bench.data.uniqueBytes / 1e9).toFixed(2)} GB in ${bench.data.images.length} images, ${values.runs} runs each`,
  );
  try {
    for (const name of names) {
      say(name);
      const found = (await FIGURES[name]?.(bench)) ?? [];
      for (const figure of found) say(`  ${figure.what}: ${figure.ours} ${figure.ratio} ${figure.peers}`);
      figures.push(...found);
    }
  } finally {
    await bench.source.stop();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
console.log(
  `${cpus().length} processors (${cpus()[0]?.model}), ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`,
);
console.log(formatFigures(figures));
if (values.json) await writeFile(values.json, `${JSON.stringify(figures, null, 2)}\n`);
process.exitCode = figures.every(({ ok }) => ok) ? 0 : 1;
