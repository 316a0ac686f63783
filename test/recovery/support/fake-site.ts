import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BackupOutcome, type BackupRequest, backup } from '../../../src/recovery/backup.js';
import { type FakeApi, startFakeApi } from '../../install/support/fake-api.js';

export interface FakeSite {
  readonly api: FakeApi;
  /** Backs up what needs no pod, encrypted for a fresh key; the record of runs lies below the folder. */
  backup(
    folder: string,
    output: BackupRequest['output'],
    more?: Partial<BackupRequest>,
  ): Promise<{ readonly made: BackupOutcome; readonly notes: readonly string[]; readonly stateRoot: string }>;
  /** Keys that were made below the folder. */
  keysIn(folder: string): string[];
  close(): Promise<void>;
}

/** An API server without nodes that has the control plane's release. */
export async function startFakeSite(): Promise<FakeSite> {
  const api = await startFakeApi();
  const namespace = 'runai-backend';
  for (const name of ['kube-system', namespace, 'runai'])
    api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  const body = {
    ...{ name: namespace, namespace, version: 1, config: {}, manifest: '' },
    info: { status: 'deployed', description: '' },
    chart: { metadata: { name: 'control-plane', version: '2.13.66' }, values: {} },
  };
  const release = gzipSync(JSON.stringify(body)).toString('base64');
  api.put({
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'helm.sh/release.v1' },
    metadata: {
      ...{ name: `sh.helm.release.v1.${namespace}.v1`, namespace },
      labels: { owner: 'helm', name: namespace, status: 'deployed', version: '1' },
    },
    data: { release: Buffer.from(release).toString('base64') },
  });
  const stateIn = (folder: string): string => join(folder, 'state');
  let time = Date.UTC(2026, 10, 21, 12);
  return {
    api,
    backup: async (folder, output, more = {}) => {
      const notes: string[] = [];
      const made = await backup({
        ...{ kubeconfig: api.kubeconfig, stateRoot: stateIn(folder), place: 'here' },
        clock: {
          now: () => time,
          monotonic: () => performance.now(),
          sleep: () => new Promise(() => {}),
        },
        output,
        encryption: 'fresh',
        smaller: 'refuse',
        choices: new Set(['values']),
        toolVersion: '0.1.0',
        env: {},
        now: () => (time += 1000),
        random: (size) => Buffer.alloc(size, 7),
        emit: (event) => event.type === 'note' && notes.push(event.text),
        signal: new AbortController().signal,
        ...more,
      });
      return { made, notes, stateRoot: stateIn(folder) };
    },
    keysIn: (folder) => {
      const keys = join(stateIn(folder), 'keys');
      return existsSync(keys) ? readdirSync(keys) : [];
    },
    close: () => api.close(),
  };
}
