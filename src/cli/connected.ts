import { resolve } from 'node:path';
import type { Payload } from '../bundle/payload.js';
import { checkTrust, type TrustPolicy } from '../bundle/trust.js';
import { AirgapError } from '../errors.js';
import type { BundleChoice } from '../install/types.js';
import type { CliContext } from './context.js';
import type { InstallFlags } from './install-options.js';
import { commonPackOptions } from './pack-options.js';

/** True for the name of a spec; bundles end in .tar. */
export function isSpec(file: string): boolean {
  return /\.ya?ml$/i.test(file);
}

/**
 * A spec as what is to be installed, for a site that reaches the sources: the pack stage brings charts, CRDs and tools,
 * the images stay where they are.
 * @throws AirgapError USAGE for flags that only a bundle has a use for
 */
export function specChoice(file: string, { flags, trust, context }: SpecNeeds): BundleChoice {
  refuse(flags);
  return {
    file: resolve(context.cwd, file),
    fetch: async () => {
      const { fetchPayload } = await import('../pack/index.js');
      const payload = await fetchPayload({
        ...fetchOptions(file, flags, context),
        mode: flags.locked ? 'locked' : 'refresh',
      });
      return trusted(payload, trust);
    },
  };
}

export interface SpecNeeds {
  readonly flags: InstallFlags;
  readonly trust: TrustPolicy | undefined;
  readonly context: CliContext;
}

function refuse(flags: InstallFlags): void {
  const useless = [
    ...(flags.registry === undefined ? [] : ['--registry']),
    ...(flags.plainHttp === undefined ? [] : ['--plain-http']),
    ...(flags.skipPush === undefined ? [] : ['--skip-push']),
    ...(flags.base === undefined ? [] : ['--base']),
  ];
  if (useless.length === 0) return;
  throw new AirgapError('USAGE', `${useless.join(', ')} cannot be used with a spec`, {
    expected: 'a bundle; from a spec, images stay where the charts name them',
    hint: useless.includes('--plain-http')
      ? 'name registries without TLS in the spec: plainHttp'
      : 'to bring the images to a registry: airgap pack SPEC -o FILE, then airgap install FILE',
  });
}

function fetchOptions(file: string, flags: InstallFlags, context: CliContext) {
  const { helm, caFile, clientCert, clientKey, authfile, concurrency, retries } = flags;
  const options = commonPackOptions(
    file,
    {
      concurrency: Number(concurrency ?? 4),
      retries: Number(retries ?? 4),
      ...(helm === undefined || helm === 'bundle' ? {} : { helm }),
      ...(caFile === undefined ? {} : { caFile }),
      ...(clientCert === undefined ? {} : { clientCert }),
      ...(clientKey === undefined ? {} : { clientKey }),
      ...(authfile === undefined ? {} : { authfile }),
    },
    context,
  );
  const insecure = flags.insecureSkipTlsVerify ? { insecureSkipTlsVerify: true } : {};
  return { ...options, reach: { ...options.reach, ...insecure } };
}

/** Nobody signs what comes from its sources: with trusted keys, exactly this content must be allowed (threats 23). */
async function trusted(payload: Payload, trust: TrustPolicy | undefined): Promise<Payload> {
  try {
    checkTrust({ bytes: Buffer.alloc(0), bundleId: payload.bundleId, signatures: [] }, trust);
    return payload;
  } catch (error) {
    await payload.close();
    throw error;
  }
}
