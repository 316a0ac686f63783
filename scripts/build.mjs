// Bundles src/ into dist/: ESM chunks, loaded when a verb needs them, so that `airgap --version` stays fast. The
// packages are inside: dist/ runs wherever Node.js does.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundling } from './lib/bundling.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(`${root}dist`, { recursive: true, force: true });
await build({
  ...bundling,
  absWorkingDir: root,
  outdir: 'dist',
  splitting: true,
  format: 'esm',
  sourcemap: true,
  // Packages in the older module format ask for Node's own modules with require.
  banner: {
    js: "import { createRequire as $require } from 'node:module'; const require = $require(import.meta.url);",
  },
});
