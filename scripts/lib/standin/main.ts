import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { makeLayers } from './build.js';
import { cacheFolder } from './cache.js';
import { type Crds, crdsFor } from './crds.js';
import { parseVersion, type Version } from './eras.js';
import { type Options, parseOptions, USAGE } from './options.js';
import { writeStandin } from './standin.js';

const run = promisify(execFile);
const SCRIPTS = join(import.meta.dirname, '..', '..');

/** Reads the command line and the environment; everything below gets them as arguments. */
async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') {
    process.stdout.write(USAGE);
    return;
  }
  const version = parseVersion(options.version);
  const crds = await chooseCrds(version, options);
  const out = resolve(options.out);
  const cache = cacheFolder(process.env);
  const layers = await makeLayers({
    busybox: await findBusybox(cache),
    cache,
    ...(options.postgresql ? { rootfs: await tool('rootfs') } : {}),
  });
  const { registry, helm, fault, full, platforms } = options;
  await writeStandin({
    version,
    out,
    layers,
    crds,
    full,
    platforms,
    ...(registry === undefined ? {} : { registry }),
    ...(helm === undefined ? {} : { helm }),
    ...(fault === undefined ? {} : { fault }),
  });
  process.stdout.write(`${join(out, 'spec.yaml')}\n`);
}

async function chooseCrds(version: Version, options: Options): Promise<Crds> {
  const folder = process.env['AIRGAP_TEST_CRDS'];
  const crds = await crdsFor(version, {
    ...(options.crds === undefined ? {} : { file: options.crds }),
    ...(folder ? { folder } : {}),
  });
  process.stderr.write(`standin: ${crds.real ? '' : '*** '}${crds.note}\n`);
  return crds;
}

async function findBusybox(cache: string): Promise<string> {
  const places = [join(cache, 'bin', 'busybox'), '/bin/busybox', '/usr/bin/busybox'];
  for (const place of places) if (isProgram(place)) return place;
  await run(join(SCRIPTS, 'tools'), ['ensure', 'node']);
  return tool('path', 'busybox');
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What a `scripts/tools` command prints. */
async function tool(...args: string[]): Promise<string> {
  const { stdout } = await run(join(SCRIPTS, 'tools'), args);
  return stdout.trim();
}

main().catch((cause: unknown) => {
  process.stderr.write(`standin: ${cause instanceof Error ? cause.message : String(cause)}\n`);
  process.exitCode = 1;
});
