import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const tools = spawnSync(`${ROOT}scripts/tools`, ['path'], { encoding: 'utf8' }).stdout.trim();

/** PATH with the programs of the tool cache (helm, docker-registry) first. */
export const PATH = `${tools}:${process.env.PATH}`;
