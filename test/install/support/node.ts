import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TSX = fileURLToPath(new URL('../../../node_modules/tsx/dist/loader.mjs', import.meta.url));

export interface Ran {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A test node of its own, with a state folder for airgap beside it. */
export interface TestNode {
  readonly folder: string;
  readonly stateDir: string;
  readonly registry: string;
  node(...args: string[]): Ran;
  must(...args: string[]): string;
  kubectl(...args: string[]): string;
  /** The first value of a JSON path of an object. */
  json(...args: string[]): Record<string, unknown>;
  /** Starts airgap inside the node's network. */
  start(args: readonly string[], options?: { readonly env?: Record<string, string> }): Running;
  /** Starts a TypeScript file inside the node's network. */
  startFile(file: string, args: readonly string[], env?: Record<string, string>): Running;
  /** The same on a host of another name, which has the state folder that it is told. */
  elsewhere(host: string): Pick<TestNode, 'start' | 'startFile'>;
  /** Writes a file into the test's folder and gives its path. */
  file(name: string, content: string): string;
  /** Runs lines of TypeScript inside the node's network to their end. */
  script(lines: string): Ran;
  startScript(lines: string): Running;
  /** Runs it to its end. */
  airgap(...args: string[]): Promise<Ran>;
  /** Packs a spec into a file of the test's folder. */
  pack(spec: string, name: string): string;
  /** Makes the stand-in of a version and packs it. */
  bundle(version: string, ...more: string[]): string;
  down(): void;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  /** Resolves when its messages hold a match; rejects when it ends without one. */
  said(pattern: RegExp): Promise<void>;
}

export function startNode(name: string): TestNode {
  const env = { ...process.env, AIRGAP_NODE_NAME: `${name}-${process.pid}` };
  const folder = mkdtempSync(join(tmpdir(), `airgap-${name}-`));
  const stateDir = join(folder, 'state');
  const script = join(ROOT, 'scripts', 'node');
  const node = (...args: string[]): Ran => {
    const ran = spawnSync(script, args, { env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
    return { status: ran.status, signal: ran.signal, out: ran.stdout, err: ran.stderr };
  };
  const must = (...args: string[]): string => {
    const { status, out, err } = node(...args);
    assert.equal(status, 0, `${args.join(' ')}: ${err}`);
    return out.trim();
  };
  must('up');
  const registry = /REGISTRY=(\S+)/.exec(must('env'))?.[1] ?? '';
  const kubectl = (...args: string[]): string => must('exec', 'kubectl', ...args);
  let scripts = 0;
  const scriptFile = (lines: string): string => {
    const file = join(folder, `script-${++scripts}.mts`);
    writeFileSync(file, lines);
    return file;
  };
  const on = (place: readonly string[]): Pick<TestNode, 'start' | 'startFile'> => {
    const startFile: TestNode['startFile'] = (file, args, more = {}) =>
      run(['exec', ...place, process.execPath, '--import', TSX, file, ...args], more);
    const main = join(ROOT, 'src', 'main.ts');
    return { start: (args, options = {}) => startFile(main, args, options.env), startFile };
  };
  const { start, startFile } = on([]);
  function run(words: readonly string[], more: Record<string, string>): Running {
    const child = spawn(script, words, {
      env: { ...env, AIRGAP_STATE_DIR: join(stateDir, 'airgap'), ...more },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      err += chunk.toString('utf8');
    });
    const ended = new Promise<Ran>((done) => {
      child.on('close', (status, signal) => done({ status, signal, out, err }));
    });
    const said = (pattern: RegExp): Promise<void> =>
      new Promise((done, fail) => {
        const look = (): void => {
          if (!pattern.test(err)) return;
          child.stderr?.off('data', look);
          done();
        };
        child.stderr?.on('data', look);
        // Else a test waits for ever for what an ended program will not say.
        child.on('close', () => {
          look();
          fail(new Error(`it ended and did not say ${pattern}:\n${out}\n${err}`));
        });
        look();
      });
    return { child, ended, said };
  }
  const pack = (spec: string, name: string): string => {
    const file = join(folder, name);
    const main = join(ROOT, 'src', 'main.ts');
    toItsEnd([process.execPath, '--import', TSX, main, 'pack', spec, '-o', file], env);
    return file;
  };
  return {
    folder,
    stateDir,
    registry,
    node,
    must,
    kubectl,
    json: (...args) => JSON.parse(kubectl(...args, '-o', 'json')) as Record<string, unknown>,
    start,
    startFile,
    elsewhere: (host) => on(['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', host]),
    file: (name, content) => {
      const path = join(folder, name);
      writeFileSync(path, content, { mode: 0o600 });
      return path;
    },
    script: (lines) => node('exec', process.execPath, '--import', TSX, scriptFile(lines)),
    startScript: (lines) => startFile(scriptFile(lines), []),
    airgap: (...args) => start(args).ended,
    pack,
    bundle: (version, ...more) => {
      const source = join(folder, `standin-${version}`);
      mkdirSync(source, { recursive: true });
      toItsEnd([join(ROOT, 'scripts', 'standin'), '--version', version, '--out', source, ...more], env);
      return pack(join(source, 'spec.yaml'), `runai-air-gapped-${version}.tar`);
    },
    down: () => {
      node('down');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function toItsEnd([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): void {
  const ran = spawnSync(program, args, { env, encoding: 'utf8', cwd: ROOT });
  assert.equal(ran.status, 0, `${program} ${args.join(' ')}: ${ran.stderr}`);
}

/** Numbers in [0,1) that the seed gives again. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
