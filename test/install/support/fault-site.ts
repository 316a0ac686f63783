import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { type Running, startNode, type TestNode } from './node.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TSX = fileURLToPath(new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url));

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

interface Spec {
  requires?: Record<string, string>;
  crds?: unknown;
  charts: { role: string; [key: string]: unknown }[];
  [key: string]: unknown;
}

/** A small release of a name and version that helm itself installs. */
export interface TinyRelease {
  readonly release: string;
  readonly namespace: string;
  /** Name of the chart. */
  readonly chart: string;
  readonly version: string;
  readonly values?: unknown;
  readonly objects?: readonly Manifest[];
}

/** A real node on which things are put wrong and right again. */
export interface FaultSite {
  readonly node: TestNode;
  /** Folder of the node's keys. */
  readonly pki: string;
  file(name: string, content: unknown): string;
  apply(...objects: readonly Manifest[]): void;
  remove(...objects: readonly Manifest[]): void;
  /** Installs it with the real helm, which waits for nothing. */
  install(tiny: TinyRelease): void;
  uninstall(tiny: Pick<TinyRelease, 'release' | 'namespace'>): void;
  /** Packs a stand-in, once; `change` edits its spec first. Only `with-database` holds a real PostgreSQL. */
  bundle(version: string, name?: string, change?: (spec: Spec) => void): string;
  /** A registry of ours on an address of the node; ended with `stopServing`. */
  serve(...args: readonly string[]): Promise<void>;
  /** The same, as lines of TypeScript that print `registry at` when it answers. */
  serveScript(lines: string): Promise<void>;
  stopServing(): Promise<void>;
  down(): void;
}

/** Definitions of the product, small enough to reason about. */
export function definition(of: {
  readonly plural: string;
  readonly kind: string;
  readonly group?: string;
  readonly scope?: 'Cluster' | 'Namespaced';
  readonly versions?: readonly string[];
  readonly spec?: unknown;
  readonly note?: string;
}): Manifest {
  const { plural, kind, group = 'run.ai', scope = 'Cluster', versions = ['v1'], spec, note = '' } = of;
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const closed = { type: 'object', properties: { spec } };
  const schema = { ...(spec === undefined ? open : closed), description: `stand-in ${note}` };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { plural, kind, listKind: `${kind}List`, singular: kind.toLowerCase() },
      versions: versions.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: schema },
      })),
    },
  };
}

const DEFINITIONS: readonly Manifest[] = [
  definition({ plural: 'runaiconfigs', kind: 'RunaiConfig', scope: 'Namespaced' }),
  definition({ plural: 'projects', kind: 'Project', versions: ['v2'] }),
  definition({
    plural: 'nodepools',
    kind: 'NodePool',
    versions: ['v1alpha1'],
    spec: { type: 'object', properties: { labelKey: { type: 'string' } } },
  }),
  definition({ plural: 'departments', kind: 'Department', group: 'scheduling.run.ai', versions: ['v2'] }),
  definition({ plural: 'queues', kind: 'Queue', group: 'scheduling.run.ai', versions: ['v2'] }),
];

export function startFaultSite(name: string): FaultSite {
  const node = startNode(name);
  const bundles = new Map<string, string>();
  let served: Running | undefined;
  const file: FaultSite['file'] = (path, content) => {
    const full = join(node.folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 });
    return full;
  };
  const crds = file('crds.yaml', DEFINITIONS.map((one) => stringify(one)).join('---\n'));
  const list = (objects: readonly Manifest[]) => ({ apiVersion: 'v1', kind: 'List', items: objects });
  const wait = async (running: Running): Promise<void> => {
    const first = await Promise.race([
      running.said(/registry at/).then(() => 'answers'),
      running.ended.then(({ err }) => err),
    ]);
    assert.equal(first, 'answers');
    served = running;
  };
  return {
    node,
    pki: join(/KUBECONFIG=(\S+)\/admin/.exec(node.must('env'))?.[1] ?? '', 'pki'),
    file,
    apply: (...objects) => {
      node.kubectl('apply', '-f', file('apply.json', list(objects)));
      for (const { kind, metadata } of objects)
        if (kind === 'CustomResourceDefinition')
          node.kubectl('wait', '--for=condition=Established', `crd/${metadata.name}`, '--timeout=60s');
    },
    remove: (...objects) => {
      node.kubectl('delete', '--ignore-not-found', '-f', file('remove.json', list(objects)));
    },
    install: ({ release, namespace, chart, version, values = {}, objects = [] }) => {
      const folder = `tiny/${release}-${version}`;
      file(`${folder}/Chart.yaml`, { apiVersion: 'v2', name: chart, version });
      file(`${folder}/templates/objects.yaml`, objects.map((one) => JSON.stringify(one)).join('\n---\n'));
      const given = file(`${folder}-values.json`, values);
      const path = join(node.folder, folder);
      node.must('exec', 'helm', 'install', release, path, '-n', namespace, '-f', given);
    },
    uninstall: ({ release, namespace }) => {
      node.must('exec', 'helm', 'uninstall', release, '-n', namespace);
    },
    bundle: (version, name = version, change) => {
      const known = bundles.get(name);
      if (known !== undefined) return known;
      const database = name === 'with-database';
      const kind = `standin-${version}${database ? '-database' : ''}`;
      const source = join(node.folder, kind);
      const spec = join(source, 'spec.yaml');
      if (!bundles.has(kind)) {
        mkdirSync(source, { recursive: true });
        const args = ['--version', version, '--out', source, '--crds', crds];
        run(join(ROOT, 'scripts', 'standin'), [...args, ...(database ? [] : ['--no-postgres'])]);
        bundles.set(kind, source);
      }
      const parsed = parse(readFileSync(spec, 'utf8')) as Spec;
      change?.(parsed);
      const changed = join(source, `${name}.yaml`);
      writeFileSync(changed, stringify(parsed));
      const bundle = join(node.folder, `${name}.tar`);
      const main = join(ROOT, 'src', 'main.ts');
      run(process.execPath, ['--import', TSX, main, 'pack', changed, '-o', bundle]);
      bundles.set(name, bundle);
      return bundle;
    },
    serve: async (...args) => wait(node.start(['registry', 'serve', ...args])),
    serveScript: async (lines) => wait(node.startScript(lines)),
    stopServing: async () => {
      served?.child.kill('SIGTERM');
      await served?.ended;
      served = undefined;
    },
    down: () => {
      served?.child.kill('SIGKILL');
      node.down();
    },
  };
}

function run(program: string, args: readonly string[]): void {
  const ran = spawnSync(program, args, { encoding: 'utf8', cwd: ROOT });
  assert.equal(ran.status, 0, `${program} ${args.join(' ')}: ${ran.stderr}`);
}
