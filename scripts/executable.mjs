// Builds airgap as one executable for machines without Node.js: the Node that runs this script, with the program inside.
//   node scripts/executable.mjs [FILE]     out/airgap when absent
// FILE runs on machines of the same system and processor with glibc 2.28 or newer. A spec carries it to the site:
//   tools: [{ name: airgap, platform: linux/amd64, path: out/airgap }]
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundling } from './lib/bundling.mjs';

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const root = fileURLToPath(new URL('..', import.meta.url));
const output = resolve(process.argv[2] ?? join(root, 'out/airgap'));
const work = mkdtempSync(join(tmpdir(), 'airgap-executable-'));

try {
  const script = join(work, 'airgap.cjs');
  await build({
    ...bundling,
    absWorkingDir: root,
    outfile: script,
    format: 'cjs',
    minify: true,
    define: { ...bundling.define, 'import.meta.url': 'undefined' },
  });
  const blob = join(work, 'airgap.blob');
  const config = join(work, 'sea.json');
  writeFileSync(
    config,
    JSON.stringify({ main: script, output: blob, disableExperimentalSEAWarning: true, useCodeCache: true }),
  );
  execFileSync(process.execPath, ['--experimental-sea-config', config], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const partial = join(work, 'airgap');
  copyFileSync(process.execPath, partial);
  chmodSync(partial, 0o755);
  const { inject } = createRequire(import.meta.url)('postject');
  await inject(partial, 'NODE_SEA_BLOB', readFileSync(blob), { sentinelFuse: FUSE });
  mkdirSync(dirname(output), { recursive: true });
  copyFileSync(partial, `${output}.partial`);
  renameSync(`${output}.partial`, output);
  console.log(`${output}: ${(statSync(output).size / 1e6).toFixed(1)} MB`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
