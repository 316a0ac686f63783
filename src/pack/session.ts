import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asWriteError } from '../io/atomic.js';
import { createRegistry } from '../oci/registry.js';
import type { FileOptions } from './fetch/files.js';
import type { CommonPackOptions } from './options.js';
import { createSources, type Sources } from './resolve/sources.js';
import { readSpec } from './spec/read.js';
import type { Spec } from './spec/types.js';

/** What the stages of one run share; gone when the run ends. */
export interface Session {
  readonly spec: Spec;
  readonly sources: Sources;
  /** 0700. */
  readonly workFolder: string;
  readonly files: FileOptions;
}

/** Reads the spec and opens a session around `work`. */
export async function withSession<T>(
  options: CommonPackOptions,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(options);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Reads the spec and opens a session; its close removes what was brought here. */
export async function openSession(options: CommonPackOptions): Promise<Session & { close(): Promise<void> }> {
  const spec = await readSpec(options.spec, options.cwd);
  const workFolder = await makeFolder(options.tmpdir);
  const sources = createSources((host) => connect(host, spec, options));
  const { env, emit, signal, now } = options;
  return {
    spec,
    sources,
    workFolder,
    files: { ...options.reach, env, emit, signal, now, workFolder },
    close: async () => {
      await sources.close();
      await rm(workFolder, { recursive: true, force: true });
    },
  };
}

function connect(host: string, spec: Spec, options: CommonPackOptions) {
  const { env, emit, signal, now, reach, concurrency } = options;
  const plain = [...spec.plainHttp, ...(options.plainHttp ?? [])].includes(host);
  return createRegistry(host, {
    ...reach,
    env,
    emit,
    signal,
    now,
    concurrency,
    ...(plain ? { plainHttp: true } : {}),
  });
}

async function makeFolder(tmpdir: string): Promise<string> {
  const prefix = join(tmpdir, 'airgap-pack-');
  try {
    return await mkdtemp(prefix);
  } catch (error) {
    throw asWriteError(error, prefix);
  }
}
