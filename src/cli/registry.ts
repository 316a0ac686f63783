import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Option } from 'commander';
import { AirgapError, systemCode } from '../errors.js';
import type { AuthPolicy } from '../registry/auth.js';
import type { Listen, TlsPair } from '../registry/server.js';
import type { CliContext, Verb } from './context.js';

interface ServeFlags {
  readonly bundle?: string;
  readonly root?: string;
  readonly listen: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly authFile?: string;
  readonly anonymousPull?: boolean;
}

const DEFAULT_LISTEN = '127.0.0.1:5000';

const HELP = `
Examples:
  airgap registry serve --bundle runai-air-gapped-2.13.66.tar     pull from the bundle, in place
  airgap registry serve --root /var/lib/airgap-registry           push to it and pull from it
  airgap registry serve --root DIR --listen 0.0.0.0:5000 --tls-cert site.crt --tls-key site.key --auth-file users

The address goes to stdout once the registry answers. SIGINT or SIGTERM ends it after the running requests.
Below --root lies the layout of the distribution project's registry: docker-registry can take the folder over.`;

/** `registry serve`: the embedded OCI registry. */
export const registryVerb: Verb = (program, context) => {
  const group = program.command('registry').description('the embedded OCI registry, for a site without one');
  group
    .command('serve')
    .description('serve a bundle read-only in place, a folder to push to, or a folder above a bundle')
    .option('--bundle <file>', 'bundle to serve (or the first of its parts)')
    .option('--root <dir>', 'folder to push to; made when absent')
    .addOption(
      new Option('--listen <host:port>', 'address to listen on; port 0 takes a free one').default(
        DEFAULT_LISTEN,
      ),
    )
    .option('--tls-cert <file>', 'PEM certificate with its chain')
    .option('--tls-key <file>', 'PEM private key of the certificate')
    .option('--auth-file <file>', 'lines of NAME:PASSWORD, mode 0600; every request needs one of them')
    .option('--anonymous-pull', 'with --auth-file: pulling needs no password')
    .addHelpText('after', HELP)
    .action((flags: ServeFlags) => serve(flags, context));
};

async function serve(flags: ServeFlags, context: CliContext): Promise<void> {
  if (flags.bundle === undefined && flags.root === undefined) {
    throw new AirgapError('USAGE', 'registry serve needs --bundle FILE, --root DIR or both');
  }
  const listen = parseListen(flags.listen);
  const tls = await readTls(flags, context.cwd);
  const auth = await readAuth(flags, context.cwd);
  warnOfExposure(context, { listen, tls, auth, isWritable: flags.root !== undefined });
  const [{ serveRegistry }, bundle] = await Promise.all([
    import('../registry/index.js'),
    openContent(flags, context),
  ]);
  const served = await serveRegistry({
    listen,
    now: context.now,
    emit: context.emit,
    ...(tls ? { tls } : {}),
    ...(auth ? { auth } : {}),
    ...(bundle ? { bundle } : {}),
    ...(flags.root === undefined ? {} : { root: resolve(context.cwd, flags.root) }),
  });
  try {
    announce(context, served.address, { flags, tls });
    await aborted(context.signal);
  } finally {
    await served.close();
  }
}

async function openContent(flags: ServeFlags, context: CliContext) {
  if (flags.bundle === undefined) return undefined;
  const [{ openBundle }, { contentOfBundle }] = await Promise.all([
    import('../bundle/open.js'),
    import('../registry/bundle-open.js'),
  ]);
  const bundle = await openBundle(resolve(context.cwd, flags.bundle), { signal: context.signal });
  const { product, version, images } = bundle.manifest;
  const text = `${product} ${version}: ${images.length} images in ${flags.bundle}`;
  context.emit({ type: 'note', level: 'info', text });
  return contentOfBundle(bundle);
}

function announce(
  { emit, stdout }: CliContext,
  address: string,
  { flags, tls }: { readonly flags: ServeFlags; readonly tls: TlsPair | undefined },
): void {
  const note = (text: string): void => emit({ type: 'note', level: 'info', text });
  const url = `${tls ? 'https' : 'http'}://${address}`;
  note(`registry at ${url}, ${flags.root === undefined ? 'read-only' : `writable in ${flags.root}`}`);
  if (flags.root !== undefined) {
    note(`push a bundle: airgap push FILE --registry ${address}${tls ? '' : ' --plain-http'}`);
  }
  note(`containerd: /etc/containerd/certs.d/${address}/hosts.toml with [host."${url}"]`);
  stdout.write(`${url}\n`);
}

/** Whoever reaches the address can pull, and push when there is a folder: said before it is so. */
function warnOfExposure(
  { emit }: CliContext,
  site: {
    readonly listen: Listen;
    readonly tls: TlsPair | undefined;
    readonly auth: AuthPolicy | undefined;
    readonly isWritable: boolean;
  },
): void {
  const { host } = site.listen;
  if (host === '127.0.0.1' || host === '::1' || host === 'localhost') return;
  const warn = (text: string): void => emit({ type: 'note', level: 'warn', text });
  if (!site.tls)
    warn(`listening on ${host} without TLS: what is pulled or pushed can be read and changed on its way`);
  if (!site.auth && site.isWritable)
    warn(`listening on ${host} without --auth-file: whoever reaches it can push`);
}

function parseListen(text: string): Listen {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port < 65_536) return { host, port };
  throw new AirgapError('USAGE', `--listen ${text} is no address`, {
    expected: 'HOST:PORT, an IPv6 address in brackets',
    found: text,
  });
}

async function readTls(flags: ServeFlags, cwd: string): Promise<TlsPair | undefined> {
  if (flags.tlsCert === undefined && flags.tlsKey === undefined) return undefined;
  if (flags.tlsCert === undefined || flags.tlsKey === undefined) {
    throw new AirgapError('USAGE', '--tls-cert and --tls-key belong together');
  }
  const [cert, key] = await Promise.all([flags.tlsCert, flags.tlsKey].map((file) => read(file, cwd)));
  return cert && key ? { cert, key } : undefined;
}

async function readAuth(flags: ServeFlags, cwd: string): Promise<AuthPolicy | undefined> {
  if (flags.authFile === undefined) {
    if (flags.anonymousPull) throw new AirgapError('USAGE', '--anonymous-pull needs --auth-file');
    return undefined;
  }
  const text = (await read(flags.authFile, cwd)).toString('utf8');
  const { mode } = await stat(resolve(cwd, flags.authFile));
  if ((mode & 0o077) !== 0) {
    throw new AirgapError('USAGE', `${flags.authFile} holds passwords and others can read it`, {
      expected: 'mode 0600',
      found: `mode 0${(mode & 0o777).toString(8)}`,
      hint: `chmod 600 ${flags.authFile}`,
    });
  }
  const { parseUsers } = await import('../registry/auth.js');
  const { users, faults } = parseUsers(text);
  if (faults.length > 0 || users.size === 0) {
    throw new AirgapError('USAGE', `${flags.authFile} is no list of users`, {
      expected: 'lines of NAME:PASSWORD',
      found: faults.length > 0 ? `faults in line ${faults.join(', ')}` : 'no user',
    });
  }
  return { users, anonymousPull: flags.anonymousPull ?? false };
}

async function read(file: string, cwd: string): Promise<Buffer> {
  try {
    return await readFile(resolve(cwd, file));
  } catch (error) {
    const found = systemCode(error);
    throw new AirgapError('FILE_NOT_FOUND', `${file} cannot be read`, {
      ...(found === undefined ? {} : { found }),
      cause: error,
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((done) => signal.addEventListener('abort', () => done(), { once: true }));
}
