import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ran, type Running, startNode, type TestNode } from '../support/node.js';
import { type Audit, auditOf } from './audit.js';
import { comparable, type Dumped, NOT_COMPARED } from './compare.js';
import { furnish, type Kept } from './furnish.js';
import { type HelmName, type Path, type Source, sourceOf, targetFlags } from './table.js';

const ENTRY = fileURLToPath(new URL('../support/entry.ts', import.meta.url));
const ROLLBACK_ENTRY = fileURLToPath(new URL('../support/rollback-entry.ts', import.meta.url));

/** A node on which sites of every era are put up once and brought back for each path. */
export interface UpgradeSite {
  readonly node: TestNode;
  readonly audit: Audit;
  /** Folder with the node's keys and certificates. */
  readonly pki: string;
  /** Packs a version once. */
  bundle(version: string): string;
  /** Takes this file for a version from now on. */
  use(version: string, file: string): void;
  helm(name: HelmName): string;
  /** The site of a source as it was after it was furnished; installed when it is asked for first. */
  putUp(source: Source): Promise<Kept>;
  /** Lets the registry, which no snapshot brings back, forget a repository: there is something to push again. */
  forget(repository: string): void;
  /** A state folder of its own for each run. */
  newState(name: string): string;
  /** `airgap install`, as an operator types it, while it runs. */
  begin(path: PathRun, ...more: string[]): Running;
  /** The same to its end. */
  install(path: PathRun, ...more: string[]): Promise<Ran>;
  /** The same in a process that dies at a boundary of a step, at the latest when it is committed; says where. */
  installAndDie(path: PathRun, at: Death): Promise<string>;
  /** `airgap rollback`, in such a process. */
  rollbackAndDie(path: PathRun, at: Death): Promise<string>;
  /** The steps that such a run would have. */
  planned(path: PathRun): Promise<readonly { readonly id: string }[]>;
  /** The whole cluster, comparable. */
  dump(): Record<string, unknown>;
  down(): void;
}

export interface Death {
  readonly step: string;
  readonly boundary: string;
}

export interface PathRun extends Pick<Path, 'to' | 'helm'> {
  readonly state: string;
  readonly acknowledge: readonly string[];
  /** Another registry than the node's own, and the folder of a config.json with a login to it. */
  readonly guarded?: { readonly registry: string; readonly login: string };
}

/** Starts the node. */
export function openSite(name: string): UpgradeSite {
  const node = startNode(name);
  const nodeFolder = dirname(/KUBECONFIG=(\S+)/.exec(node.must('env'))?.[1] ?? '');
  const pki = join(nodeFolder, 'pki');
  const bundles = new Map<string, string>();
  const furnished = new Map<string, Kept>();
  node.must('snapshot', 'empty');
  let fresh = true;

  const bundle = (version: string): string => {
    const known = bundles.get(version);
    if (known !== undefined) return known;
    const file = node.bundle(version);
    rmSync(join(node.folder, `standin-${version}`), { recursive: true, force: true });
    bundles.set(version, file);
    return file;
  };
  const helm = (which: HelmName): string => node.must('exec', 'sh', '-c', `command -v ${which}`);
  const newState = (label: string): string => {
    const folder = join(node.folder, 'states', label);
    mkdirSync(folder, { recursive: true });
    return folder;
  };
  const words = ({ to, helm: which, acknowledge, guarded }: PathRun): string[] => [
    ...[
      '--registry',
      guarded?.registry ?? node.registry,
      '--plain-http',
      '--helm',
      helm(which),
      '--timeout',
      '6m',
    ],
    ...acknowledge.flatMap((id) => ['--acknowledge', id]),
    ...targetFlags(to),
  ];
  const envOf = ({ state, guarded }: PathRun): Record<string, string> => ({
    AIRGAP_STATE_DIR: state,
    ...(guarded === undefined ? {} : { DOCKER_CONFIG: guarded.login }),
  });
  const begin: UpgradeSite['begin'] = (path, ...more) =>
    node.start(['install', bundle(path.to), '--yes', ...words(path), ...more], { env: envOf(path) });
  const install: UpgradeSite['install'] = (path, ...more) => begin(path, ...more).ended;

  const site: UpgradeSite = {
    node,
    audit: auditOf(nodeFolder),
    pki,
    bundle,
    forget: (repository) => {
      const store = join(nodeFolder, 'registry', 'docker', 'registry', 'v2', 'repositories', repository);
      assert.ok(existsSync(store), store);
      rmSync(store, { recursive: true });
    },
    use: (version, file) => void bundles.set(version, file),
    helm,
    newState,
    begin,
    install,
    installAndDie: async (path, at) => {
      const { to, helm: which, acknowledge } = path;
      const words = targetFlags(to);
      const given = (option: string): string[] => words.filter((_, index) => words[index - 1] === option);
      const flags = {
        registry: path.guarded?.registry ?? node.registry,
        plainHttp: true,
        helm: helm(which),
        acknowledge,
        backendSet: given('--backend-set'),
        clusterSet: given('--cluster-set'),
        timeout: '6m',
      };
      return diesIn([ENTRY, bundle(to), JSON.stringify(flags)], path, at);
    },
    rollbackAndDie: async (path, at) =>
      diesIn([ROLLBACK_ENTRY, JSON.stringify({ helm: helm(path.helm), timeout: '6m' })], path, at),
    planned: async (path) => {
      const ran = await install(path, '--dry-run', '--output', 'json');
      assert.equal(ran.status, 0, `${ran.out}\n${ran.err}`);
      return (JSON.parse(ran.out) as { steps: { id: string }[] }).steps;
    },
    putUp: async (source) => {
      const known = furnished.get(source.id);
      if (known !== undefined) {
        putBack(source.id);
        withoutProvidedTls(source);
        return known;
      }
      if (!fresh) putBack('empty');
      fresh = false;
      withoutProvidedTls(source);
      const kept = await furnish(site, source);
      node.must('snapshot', source.id);
      furnished.set(source.id, kept);
      return kept;
    },
    dump: () => {
      const kinds = node
        .kubectl('api-resources', '--verbs=list', '-o', 'name')
        .split('\n')
        .filter((kind) => !(kind in NOT_COMPARED));
      const list = JSON.parse(node.kubectl('get', kinds.join(','), '-A', '-o', 'json'));
      return comparable((list as { items: Dumped[] }).items);
    },
    down: () => node.down(),
  };

  async function diesIn(words: string[], path: PathRun, { step, boundary }: Death): Promise<string> {
    const [file = '', ...args] = words;
    const died = node.file('died', '');
    const { signal, status, out, err } = await node.startFile(file, args, {
      ...envOf(path),
      AIRGAP_TEST_DIE_AT: `${step}|${boundary}`,
      AIRGAP_TEST_DIED: died,
    }).ended;
    const at = readFileSync(died, 'utf8');
    // The node's exec may hand a signal on as 128 and its number.
    const killed = signal === 'SIGKILL' || status === 137;
    assert.ok(killed && at !== '', `did not die at ${step}|${boundary}: ${status} ${signal} ${out} ${err}`);
    return at;
  }

  function putBack(snapshot: string): void {
    node.must('restore', snapshot);
    // A node that has just started counts all of its pods as not ready for a moment.
    const wait = ['wait', '--for=condition=Available', 'deployment', '--all', '-A', '--timeout=180s'];
    node.must('exec', 'kubectl', ...wait);
  }

  /** The node gives every site a certificate of the control plane; these have it in their values. */
  function withoutProvidedTls({ tls }: Source): void {
    if (tls === 'secret') return;
    node.kubectl('delete', 'secret', '-n', 'runai-backend', 'runai-backend-tls', '--ignore-not-found');
  }

  return site;
}

/** A source's values of both parts, the certificate among them where it belongs there. */
export function valuesOf(site: UpgradeSite, source: Source): Pick<Source, 'backend' | 'cluster'> {
  const read = (name: string): string => readFileSync(join(site.pki, name), 'utf8');
  const https = { enabled: true, key: read('domain.key'), crt: read('domain-chain.crt') };
  const backend =
    source.tls === 'secret'
      ? source.backend
      : { ...source.backend, backend: { ...(source.backend['backend'] as object), https } };
  return { backend, cluster: source.cluster };
}

/** Writes them as the files an operator would have. */
export function writeValues(site: UpgradeSite, source: Source): string[] {
  const folder = join(site.node.folder, 'values');
  mkdirSync(folder, { recursive: true });
  return Object.entries(valuesOf(site, source)).flatMap(([part, values]) => {
    const file = join(folder, `${source.id}-${part}.json`);
    writeFileSync(file, JSON.stringify(values), { mode: 0o600 });
    return [`--${part}-values`, file];
  });
}

/** What the operator would have to accept: read from the first, refused run. */
export async function acknowledgements(site: UpgradeSite, path: Path, status = 11): Promise<string[]> {
  const { lost } = sourceOf(path.from);
  if (lost.length === 0) return [];
  const state = site.newState(`ask-${path.from}-${path.to}-${path.helm}`);
  const ran = await site.install({ ...path, state, acknowledge: [] });
  assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
  for (const key of lost) assert.ok(ran.err.includes(key), `${key} is named: ${ran.err}`);
  const found = [...ran.err.matchAll(/--acknowledge=([^\s;,)]+)/g)].map((match) => match[1] ?? '');
  assert.ok(found.length > 0, ran.err);
  return [...new Set(found)];
}

/** The plan of the newest run in a state folder, and what its journal says. */
export function recordOf(state: string): {
  readonly runId: string;
  readonly steps: readonly { readonly id: string; readonly destructive: boolean }[];
  readonly journal: readonly { readonly step: string; readonly phase: string }[];
} {
  const [plan] = readdirSync(state, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('plan.json'))
    .sort()
    .slice(-1);
  assert.ok(plan, `no run in ${state}`);
  const lines = readFileSync(join(state, dirname(plan), 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n');
  return {
    runId: basename(dirname(plan)),
    steps: JSON.parse(readFileSync(join(state, plan), 'utf8')).steps,
    journal: lines.map((line) => JSON.parse(line)),
  };
}
