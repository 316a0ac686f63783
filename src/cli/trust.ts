import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { TrustPolicy } from '../bundle/trust.js';
import { AirgapError } from '../errors.js';
import type { CliContext } from './context.js';

/** Flags of every verb that trusts a bundle. */
export interface TrustFlags {
  readonly trustedKeys?: string;
  readonly threshold?: string;
  readonly allowUnsigned?: string;
}

/** Adds the flags. What weakens the check is a flag only, never an environment variable or a setting. */
export function addTrustOptions(command: Command): Command {
  return command
    .option(
      '--trusted-keys <dir>',
      'folder of minisign public keys (default: trusted-keys in the configuration)',
    )
    .option('--threshold <count>', 'distinct trusted keys that must have signed', '1')
    .option('--allow-unsigned <bundle-id>', 'take exactly this bundle although it is not signed');
}

/**
 * Reads the folder of trusted keys. Without one (and none was named) there is no policy: integrity only.
 * @throws AirgapError TRUST_UNSAFE, USAGE
 */
export async function readTrust(
  flags: TrustFlags,
  context: Pick<CliContext, 'env' | 'cwd'>,
): Promise<TrustPolicy | undefined> {
  const { loadTrustedKeys } = await import('../bundle/trust-store.js');
  const named = flags.trustedKeys === undefined ? undefined : resolve(context.cwd, flags.trustedKeys);
  const folder = named ?? defaultFolder(context.env);
  const keys = folder === undefined ? undefined : await loadTrustedKeys(folder);
  if (!keys && named === undefined) return undefined;
  if (!keys || keys.length === 0) {
    throw new AirgapError('TRUST_UNSAFE', `${folder} holds no trusted key`, {
      expected: 'at least one NAME.pub of minisign',
      hint: 'copy the public key there that you got through another channel',
    });
  }
  const threshold = Number(flags.threshold ?? '1');
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > keys.length) {
    throw new AirgapError('USAGE', `--threshold ${flags.threshold} cannot be met`, {
      expected: `1 to ${keys.length}: the keys in ${folder}`,
    });
  }
  return {
    keys,
    threshold,
    ...(flags.allowUnsigned === undefined ? {} : { allowUnsigned: flags.allowUnsigned }),
  };
}

function defaultFolder(env: CliContext['env']): string | undefined {
  const config = env['XDG_CONFIG_HOME'] || (env['HOME'] ? join(env['HOME'], '.config') : undefined);
  return config === undefined ? undefined : join(config, 'airgap', 'trusted-keys');
}
