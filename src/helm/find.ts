import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { AirgapError } from '../errors.js';
import { runChild } from '../io/process.js';
import { type HelmPlace, helmEnv, makeHomes } from './env.js';
import { type HelmVersion, isSupported, parseHelmVersion, SUPPORTED } from './version.js';

/** A helm program that may be used. */
export interface HelmProgram {
  readonly path: string;
  readonly version: HelmVersion;
  readonly origin: 'option' | 'path' | 'bundle';
}

export interface FindOptions extends HelmPlace {
  /** --helm: a path, or `bundle` for the one that the bundle carries. */
  readonly wanted?: string;
  /** Puts the bundle's helm on disk, checked, and gives its path; undefined when the bundle has none. */
  readonly bundled?: () => Promise<string | undefined>;
}

interface Candidate {
  readonly path: string;
  readonly origin: HelmProgram['origin'];
}

const PROBE_MS = 30_000;

/**
 * Finds helm: --helm, else the one on PATH, else the bundle's. One on PATH that is too old gives way to the bundle's.
 * @throws AirgapError HELM_MISSING, HELM_TOO_OLD
 */
export async function findHelm(options: FindOptions): Promise<HelmProgram> {
  await makeHomes(options.homes);
  if (options.wanted !== undefined && options.wanted !== 'bundle') {
    const only: Candidate = { path: options.wanted, origin: 'option' };
    return demandSupported(only, await probeVersion(only.path, options));
  }
  const onPath = options.wanted === 'bundle' ? undefined : await lookUp('helm', options.env['PATH'] ?? '');
  const first = onPath === undefined ? undefined : await probeVersion(onPath, options);
  if (onPath !== undefined && first && isSupported(first))
    return { path: onPath, version: first, origin: 'path' };
  const bundled = await options.bundled?.();
  if (bundled !== undefined) {
    const candidate: Candidate = { path: bundled, origin: 'bundle' };
    return demandSupported(candidate, await probeVersion(bundled, options));
  }
  if (onPath !== undefined) return demandSupported({ path: onPath, origin: 'path' }, first);
  throw new AirgapError('HELM_MISSING', 'there is no helm', {
    expected: `helm ${SUPPORTED} on PATH${options.bundled ? ' or in the bundle' : ''}`,
    found: options.wanted === 'bundle' ? 'none in the bundle' : 'none',
  });
}

function demandSupported(candidate: Candidate, version: HelmVersion | undefined): HelmProgram {
  if (version && isSupported(version)) return { ...candidate, version };
  const newer = version !== undefined && version.major > 4;
  throw new AirgapError('HELM_TOO_OLD', `${candidate.path} cannot be used`, {
    expected: `helm ${SUPPORTED}`,
    found: version?.text ?? 'something that does not say its version as helm does',
    ...(newer ? { hint: 'its flags are not known to this airgap: put a helm 3 or 4 on PATH' } : {}),
  });
}

async function probeVersion(path: string, place: HelmPlace): Promise<HelmVersion | undefined> {
  const args = ['version', '--template', '{{.Version}}'];
  try {
    const result = await runChild(path, args, { env: helmEnv(place), timeout: PROBE_MS });
    return result.exitCode === 0 ? parseHelmVersion(result.stdout) : undefined;
  } catch (error) {
    throw new AirgapError('HELM_MISSING', `${path} cannot be run`, {
      cause: error,
      hint: 'check the path, its permissions, and whether its file system is mounted noexec',
    });
  }
}

async function lookUp(name: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const file = join(folder, name);
    const runs = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (runs) return file;
  }
  return undefined;
}
