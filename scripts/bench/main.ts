import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Bench, type Figure, prepare } from './bench.js';
import { figureFiles } from './figure-files.js';
import { figurePack } from './figure-pack.js';
import { figurePush } from './figure-push.js';
import { figureRestore } from './figure-restore.js';
import { figureServe } from './figure-serve.js';
import { figureVerify } from './figure-verify.js';
import { figureVersion } from './figure-version.js';
import { type BenchSite, prepareSite } from './site.js';
import { formatFigures } from './table.js';

const FIGURES: Readonly<Record<string, (bench: Bench) => Promise<Figure[]>>> = {
  version: figureVersion,
  verify: figureVerify,
  pack: figurePack,
  push: figurePush,
  files: figureFiles,
  serve: figureServe,
};

/** Those that need a test node (root, and `scripts/tools ensure all`); only when they are named. */
const SITE_FIGURES: Readonly<Record<string, (site: BenchSite) => Promise<Figure[]>>> = {
  restore: figureRestore,
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
const unknown = names.filter((name) => !(name in FIGURES || name in SITE_FIGURES));
if (unknown.length > 0) {
  const known = [...Object.keys(FIGURES), ...Object.keys(SITE_FIGURES)].join(', ');
  throw new Error(`no figure ${unknown.join(', ')}; there are ${known}`);
}

const say = (text: string): void => console.error(`bench: ${text}`);
const folder = await mkdtemp(join(values.dir, 'airgap-bench-'));
const figures: Figure[] = [];
try {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const options = { folder, root, rounds: Number(values.runs), scale: Number(values.scale), say };
  const plain = names.filter((name) => name in FIGURES);
  if (plain.length > 0) {
    const bench = await prepare(options);
    const { uniqueBytes, images } = bench.data;
    say(`${(uniqueBytes / 1e9).toFixed(2)} GB in ${images.length} images, ${values.runs} runs each`);
    await measureAll(plain, FIGURES, bench, () => bench.source.stop());
  }
  const needNode = names.filter((name) => name in SITE_FIGURES);
  if (needNode.length > 0) {
    const site = await prepareSite(options);
    await measureAll(needNode, SITE_FIGURES, site, () => site.down());
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

async function measureAll<T>(
  chosen: readonly string[],
  table: Readonly<Record<string, (world: T) => Promise<Figure[]>>>,
  world: T,
  end: () => Promise<unknown>,
): Promise<void> {
  try {
    for (const name of chosen) {
      say(name);
      const found = (await table[name]?.(world)) ?? [];
      for (const figure of found) say(`  ${figure.what}: ${figure.ours} ${figure.ratio} ${figure.peers}`);
      figures.push(...found);
    }
  } finally {
    await end();
  }
}
