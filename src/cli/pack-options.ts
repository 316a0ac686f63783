import { arch, platform, tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { AirgapError } from '../errors.js';
import type { CommonPackOptions } from '../pack/options.js';
import type { CliContext } from './context.js';

/** Flags that pack and images share. */
export interface PackFlags {
  readonly helm?: string;
  readonly lock?: string;
  readonly plainHttp?: readonly string[];
  readonly caFile?: string;
  readonly certsDir?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly authfile?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly concurrency: number;
  readonly retries: number;
  readonly tmpdir?: string;
}

/** Node's names of processors, as images call them. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  arm64: 'arm64',
  arm: 'arm',
};

export function addPackOptions(command: Command): Command {
  return command
    .option('--helm <file>', 'helm to render the charts with; else the one on PATH, else the one in the spec')
    .option('--lock <file>', 'lock file; SPEC.lock.yaml beside the spec when absent')
    .option('--plain-http <host:port>', 'a registry without TLS; repeat for more', gather)
    .option('--ca-file <file>', 'PEM file of further certificate authorities')
    .option('--certs-dir <dir>', 'folders HOST:PORT/ with *.crt, *.cert, *.key (/etc/docker/certs.d)')
    .option('--client-cert <file>', 'PEM certificate for registries that ask for one')
    .option('--client-key <file>', 'PEM key of the client certificate')
    .option('--authfile <file>', 'credentials as docker login writes them; else the usual places')
    .option(
      '--insecure-skip-tls-verify',
      'believe every certificate: whoever is in between can change what is packed',
    )
    .addOption(new Option('--concurrency <n>', 'blobs at a time').default(4).argParser(wholeNumber(1, 64)))
    .addOption(
      new Option('--retries <n>', 'further tries of what can heal').default(4).argParser(wholeNumber(0, 100)),
    )
    .option('--tmpdir <dir>', 'where charts go that helm needs as files (TMPDIR)');
}

/** The options of a stage from flags and surroundings. */
export function commonPackOptions(spec: string, flags: PackFlags, context: CliContext): CommonPackOptions {
  const { cwd, env, now, emit, signal } = context;
  if ((flags.clientCert === undefined) !== (flags.clientKey === undefined)) {
    throw new AirgapError('USAGE', '--client-cert and --client-key belong together');
  }
  if (flags.insecureSkipTlsVerify) {
    emit({
      type: 'note',
      level: 'warn',
      text: 'TLS certificates are NOT VERIFIED (--insecure-skip-tls-verify)',
    });
  }
  const file = (path: string): string => resolve(cwd, path);
  return {
    spec,
    cwd,
    env,
    now,
    emit,
    signal,
    concurrency: flags.concurrency,
    platform: `${platform()}/${ARCHITECTURES[arch()] ?? arch()}`,
    tmpdir: file(flags.tmpdir ?? env.TMPDIR ?? tmpdir()),
    plainHttp: flags.plainHttp ?? [],
    ...(flags.helm === undefined ? {} : { helm: flags.helm.includes('/') ? file(flags.helm) : flags.helm }),
    ...(flags.lock === undefined ? {} : { lockFile: flags.lock }),
    reach: {
      retries: flags.retries,
      ...(flags.caFile === undefined ? {} : { caFile: file(flags.caFile) }),
      ...(flags.certsDir === undefined ? {} : { certsDir: file(flags.certsDir) }),
      ...(flags.authfile === undefined ? {} : { authFile: file(flags.authfile) }),
      ...(flags.insecureSkipTlsVerify ? { insecureSkipTlsVerify: true } : {}),
      ...(flags.clientCert === undefined || flags.clientKey === undefined
        ? {}
        : { clientCert: { certFile: file(flags.clientCert), keyFile: file(flags.clientKey) } }),
    },
  };
}

function gather(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new AirgapError('USAGE', `${text} is no number from ${least} to ${most}`);
  };
}
