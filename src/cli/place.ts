import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import type { ClusterChoice, Surroundings } from '../install/types.js';
import type { CliContext } from './context.js';
import { parseDuration } from './duration.js';
import { runPlace } from './run-place.js';

/** Flags that say where a run works and how long it waits. */
export interface PlaceFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly helm?: string;
  readonly stateDir?: string;
  readonly timeout?: string;
  readonly helmTimeout?: string;
}

export interface PlaceOptions extends Surroundings {
  readonly cluster: ClusterChoice;
  /** Milliseconds. */
  readonly healthTimeout?: number;
  /** Milliseconds. */
  readonly helmTimeout?: number;
}

/** The flags, the environment and the clock as the stages that change a cluster take them. @throws AirgapError USAGE */
export async function placeOptions(flags: PlaceFlags, context: CliContext): Promise<PlaceOptions> {
  const { cwd, env } = context;
  const path = (name: string): string => resolve(cwd, name);
  const { timeout, helmTimeout, stateDir } = flags;
  const place = await runPlace(stateDir === undefined ? {} : { stateDir }, context);
  return {
    cluster: {
      ...(flags.kubeconfig === undefined ? {} : { kubeconfig: path(flags.kubeconfig) }),
      ...(flags.context === undefined ? {} : { context: flags.context }),
      ...(flags.helm === undefined ? {} : { helm: flags.helm === 'bundle' ? flags.helm : path(flags.helm) }),
    },
    ...(timeout === undefined ? {} : { healthTimeout: parseDuration('--timeout', timeout) }),
    ...(helmTimeout === undefined ? {} : { helmTimeout: parseDuration('--helm-timeout', helmTimeout) }),
    env,
    ...place,
    random: randomBytes,
    toolVersion: context.version,
    emit: context.emit,
    signal: context.signal,
  };
}
