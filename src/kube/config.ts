import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { AirgapError } from '../errors.js';
import { printable, redact } from '../redact.js';

export interface ConfigOptions {
  /** --kubeconfig; goes before KUBECONFIG and ~/.kube/config. */
  readonly kubeconfig?: string;
  /** --context; the kubeconfig's current one when absent. */
  readonly context?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What a request needs to be let in, and how the server is proven. Holds secrets: never printed. */
export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** user:password for basic authentication. */
  readonly auth?: string;
  readonly tls: {
    readonly ca?: Buffer | string;
    readonly cert?: Buffer | string;
    readonly key?: Buffer | string;
    readonly servername?: string;
    readonly rejectUnauthorized: boolean;
  };
  /** An agent that goes through the kubeconfig's proxy-url. */
  readonly proxyAgent?: import('node:http').Agent;
}

/** One context of a kubeconfig. */
export interface KubeTarget {
  readonly context: string;
  readonly server: string;
  /** The files it was read from, in order; empty in a pod. */
  readonly files: readonly string[];
  /** Anew each time: runs the exec plugin or asks the OIDC provider where one is configured. */
  credentials(): Promise<Credentials>;
}

type Module = typeof import('./kube-config.js');

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Reads the kubeconfig as kubectl does: --kubeconfig, else all files of KUBECONFIG (the first wins), else
 * ~/.kube/config, else the service account of the pod.
 * @throws AirgapError CLUSTER_CONFIG
 */
export async function loadTarget(options: ConfigOptions): Promise<KubeTarget> {
  const files = await configFiles(options);
  const module = await import('./kube-config.js');
  const config = files.length > 0 ? readFiles(module, files) : await readPod(module, options);
  const context = chooseContext(config, options, files);
  config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (!cluster?.server) {
    throw new AirgapError('CLUSTER_CONFIG', `context ${context} names a cluster that is not there`, {
      expected: `one of the clusters ${names(config.getClusters())}`,
      found: config.getContextObject(context)?.cluster ?? 'none',
    });
  }
  const server = cluster.server.replace(/\/+$/, '');
  return {
    context,
    server,
    files,
    credentials: () => credentialsOf(files.length > 0 ? readFiles(module, files) : config, context),
  };
}

async function configFiles(options: ConfigOptions): Promise<string[]> {
  if (options.kubeconfig !== undefined) {
    if (await exists(options.kubeconfig)) return [options.kubeconfig];
    throw new AirgapError('CLUSTER_CONFIG', `kubeconfig ${options.kubeconfig} cannot be read`);
  }
  const listed = (options.env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  if (listed.length > 0) {
    const present = await filterExisting(listed);
    if (present.length > 0) return present;
    throw new AirgapError('CLUSTER_CONFIG', 'no file that KUBECONFIG names can be read', {
      found: listed.join(delimiter),
    });
  }
  const home = options.env['HOME'];
  return home ? filterExisting([join(home, '.kube', 'config')]) : [];
}

async function readPod(module: Module, options: ConfigOptions): Promise<KubeConfig> {
  const config = new module.KubeConfig();
  if (!options.env['KUBERNETES_SERVICE_HOST'] || !(await exists(SERVICE_ACCOUNT_TOKEN))) {
    throw new AirgapError('CLUSTER_CONFIG', 'there is no kubeconfig', {
      expected: '--kubeconfig FILE, KUBECONFIG or ~/.kube/config',
      found: 'none of them',
    });
  }
  config.loadFromCluster();
  return config;
}

/** Files merged as kubectl does: of two entries with one name the first counts. */
function readFiles(module: Module, files: readonly string[]): KubeConfig {
  const all = files.map((file) => readFile(module, file));
  const merged = new module.KubeConfig();
  merged.loadFromOptions({
    clusters: firstOfEachName(all.flatMap((config) => config.getClusters())),
    users: firstOfEachName(all.flatMap((config) => config.getUsers())),
    contexts: firstOfEachName(all.flatMap((config) => config.getContexts())),
    currentContext: all.map((config) => config.getCurrentContext()).find((name) => Boolean(name)),
  });
  return merged;
}

function readFile(module: Module, file: string): KubeConfig {
  const config = new module.KubeConfig();
  try {
    config.loadFromFile(file);
    return config;
  } catch (error) {
    throw new AirgapError('CLUSTER_CONFIG', `kubeconfig ${file} cannot be understood`, {
      found: safeText(error),
      cause: error,
    });
  }
}

function chooseContext(config: KubeConfig, options: ConfigOptions, files: readonly string[]): string {
  const wanted = options.context ?? config.getCurrentContext();
  const there = config.getContexts().map((context) => context.name);
  if (wanted && there.includes(wanted)) return wanted;
  const where = files.join(delimiter) || 'the pod';
  throw new AirgapError(
    'CLUSTER_CONFIG',
    wanted ? `${where} has no context ${wanted}` : `${where} has no current context`,
    {
      expected: there.length === 0 ? 'a context' : `one of: ${there.join(', ')}`,
      found: wanted || 'none chosen',
      hint:
        there[0] === undefined ? 'give --kubeconfig' : `choose one with --context, for example ${there[0]}`,
    },
  );
}

async function credentialsOf(config: KubeConfig, context: string): Promise<Credentials> {
  config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  const plain = cluster?.server.startsWith('http:') === true;
  // client-node refuses plain http unless verification is off; there is nothing to verify on it.
  if (cluster && plain) Object.assign(cluster, { skipTLSVerify: true });
  const applied: import('node:https').RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(applied);
  } catch (error) {
    throw new AirgapError('CLUSTER_CONFIG', `the credentials of context ${context} cannot be had`, {
      found: safeText(error),
      cause: error,
      hint: 'run kubectl get namespaces with the same context: its login or plugin fails as well',
    });
  }
  const headers = Object.entries((applied.headers ?? {}) as Record<string, unknown>);
  return {
    headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
    ...(typeof applied.auth === 'string' ? { auth: applied.auth } : {}),
    tls: {
      ...pick(applied, 'ca'),
      ...pick(applied, 'cert'),
      ...pick(applied, 'key'),
      ...(applied.servername === undefined ? {} : { servername: applied.servername }),
      rejectUnauthorized: applied.rejectUnauthorized ?? true,
    },
    ...(cluster?.proxyUrl && typeof applied.agent === 'object' ? { proxyAgent: applied.agent } : {}),
  };
}

function pick(
  options: import('node:https').RequestOptions,
  key: 'ca' | 'cert' | 'key',
): Record<string, Buffer | string> {
  const value = options[key];
  return Buffer.isBuffer(value) || typeof value === 'string' ? { [key]: value } : {};
}

function firstOfEachName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  const seen = new Set<string>();
  return entries.filter((entry) => !seen.has(entry.name) && seen.add(entry.name));
}

function names(entries: readonly { readonly name: string }[]): string {
  return entries.map((entry) => entry.name).join(', ') || '(none)';
}

async function filterExisting(files: readonly string[]): Promise<string[]> {
  const there = await Promise.all(files.map(exists));
  return files.filter((_file, index) => there[index]);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

function safeText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return printable(redact(text.trim()), 500) || 'no message';
}
