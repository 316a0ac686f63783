import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AirgapError } from '../errors.js';
import type { CliContext } from './context.js';

/** Flags of every verb that writes to the site's registry. */
export interface RegistryFlags {
  readonly registry?: string;
  readonly plainHttp?: boolean;
  readonly insecureSkipTlsVerify?: boolean;
  readonly caFile?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly authfile?: string;
  readonly concurrency?: string;
  readonly retries?: string;
}

/** Adds the flags. */
export function addRegistryOptions(command: Command): Command {
  return command
    .option('--registry <host[:port][/prefix]>', 'registry of the site')
    .option('--plain-http', 'the registry has no TLS')
    .option('--insecure-skip-tls-verify', 'do not check the certificate of the registry')
    .option('--ca-file <file>', 'PEM of further authorities for the registry')
    .option('--client-cert <file>', 'PEM certificate for a registry that asks for one')
    .option('--client-key <file>', 'PEM key of --client-cert')
    .option('--authfile <file>', 'logins, as docker and podman write them')
    .option('--concurrency <count>', 'blobs at a time (default 4)')
    .option('--retries <count>', 'further tries without progress of what can heal (default 8)');
}

/** The flags as the stages take them. @throws AirgapError USAGE */
export function registryChoice(flags: RegistryFlags, context: CliContext) {
  const path = (file: string): string => resolve(context.cwd, file);
  if ((flags.clientCert === undefined) !== (flags.clientKey === undefined))
    throw new AirgapError('USAGE', '--client-cert and --client-key belong together');
  if (flags.insecureSkipTlsVerify) {
    const text = '--insecure-skip-tls-verify: whoever stands between can read and change what is sent';
    context.emit({ type: 'note', level: 'warn', text });
  }
  const concurrency = countOf('--concurrency', flags.concurrency);
  const retries = countOf('--retries', flags.retries);
  return {
    ...(flags.registry === undefined ? {} : { address: flags.registry }),
    ...(flags.plainHttp === undefined ? {} : { plainHttp: flags.plainHttp }),
    ...(flags.insecureSkipTlsVerify === undefined
      ? {}
      : { insecureSkipTlsVerify: flags.insecureSkipTlsVerify }),
    ...(flags.caFile === undefined ? {} : { caFile: path(flags.caFile) }),
    ...(flags.clientCert === undefined || flags.clientKey === undefined
      ? {}
      : { clientCert: { certFile: path(flags.clientCert), keyFile: path(flags.clientKey) } }),
    ...(flags.authfile === undefined ? {} : { authFile: path(flags.authfile) }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(retries === undefined ? {} : { retries }),
  };
}

function countOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= 64) return count;
  throw new AirgapError('USAGE', `${flag} ${text} is no count`, { expected: '1 to 64', found: text });
}
