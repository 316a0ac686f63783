import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AirgapError } from '../errors.js';
import type { InstallOptions } from '../install/types.js';
import { isSpec, specChoice } from './connected.js';
import type { CliContext } from './context.js';
import { type PlaceFlags, placeOptions } from './place.js';
import { addRegistryOptions, type RegistryFlags, registryChoice } from './registry-options.js';
import { addTrustOptions, readTrust, type TrustFlags } from './trust.js';

/** Flags of install and preflight. */
export interface InstallFlags extends RegistryFlags, TrustFlags, PlaceFlags {
  readonly base?: string;
  readonly locked?: boolean;
  readonly skipPush?: boolean;
  readonly domain?: string;
  readonly backendValues: readonly string[];
  readonly clusterValues: readonly string[];
  readonly backendSet: readonly string[];
  readonly clusterSet: readonly string[];
  readonly acknowledge: readonly string[];
  readonly allowDowngrade?: string;
  readonly maxAge?: string;
}

const collect = (value: string, all: readonly string[]): readonly string[] => [...all, value];

/** Adds the flags that install and preflight share. */
export function addInstallOptions(command: Command): Command {
  addRegistryOptions(command)
    .option('--base <file>', 'the older bundle that a delta bundle builds on')
    .option('--locked', 'with a spec: exactly what its lock says; fail when it no longer fits')
    .option('--skip-push', 'the images are in the registry already')
    .option('--domain <name>', 'host name of the control plane')
    .option('--backend-values <file>', 'values for the control plane; may be repeated', collect, [])
    .option('--cluster-values <file>', 'values for the cluster; may be repeated', collect, [])
    .option('--backend-set <key=value>', 'one value for the control plane; may be repeated', collect, [])
    .option('--cluster-set <key=value>', 'one value for the cluster; may be repeated', collect, [])
    .option('--kubeconfig <file>', 'kubeconfig (default: KUBECONFIG, ~/.kube/config)')
    .option('--context <name>', 'context of the kubeconfig')
    .option('--helm <path>', 'helm to use, or "bundle" for the one in the bundle')
    .option(
      '--acknowledge <finding>',
      'a finding that was read and is accepted; may be repeated',
      collect,
      [],
    )
    .option('--allow-downgrade <version>', 'this very version, although the cluster saw a newer bundle')
    .option('--max-age <days>', 'refuse a bundle that is older')
    .option('--state-dir <dir>', 'folder of the record of runs (default: airgap/ in the XDG state folder)')
    .option('--timeout <duration>', 'until all is healthy, for each release (default 15m)')
    .option('--helm-timeout <duration>', 'for each of helm’s own waits (default 10m)');
  return addTrustOptions(command);
}

/** The flags as the stage takes them. @throws AirgapError USAGE and those of the trust options */
export async function installOptions(
  file: string,
  flags: InstallFlags,
  context: CliContext,
): Promise<Omit<InstallOptions, 'mode' | 'approve'>> {
  const { cwd } = context;
  const path = (name: string): string => resolve(cwd, name);
  const trust = await readTrust(flags, context);
  return {
    ...(await placeOptions(flags, context)),
    bundle: isSpec(file)
      ? specChoice(file, { flags, trust, context })
      : {
          file: path(file),
          ...(flags.base === undefined ? {} : { base: path(flags.base) }),
          ...(trust === undefined ? {} : { trust }),
        },
    registry: registryChoice(flags, context),
    skipPush: flags.skipPush === true,
    acknowledged: flags.acknowledge,
    ...(flags.allowDowngrade === undefined ? {} : { allowDowngrade: flags.allowDowngrade }),
    ...(flags.maxAge === undefined ? {} : { maxAge: daysOf(flags.maxAge) }),
    ...(flags.domain === undefined ? {} : { domain: flags.domain }),
    backend: { files: flags.backendValues.map(path), settings: flags.backendSet },
    clusterValues: { files: flags.clusterValues.map(path), settings: flags.clusterSet },
  };
}

/** @throws AirgapError USAGE */
function daysOf(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days > 0 && days < 100_000) return days;
  throw new AirgapError('USAGE', `--max-age ${text} is no number of days`, { found: text });
}
