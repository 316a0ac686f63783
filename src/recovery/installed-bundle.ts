import { join } from 'node:path';
import { isAirgapError } from '../errors.js';
import type { Connection } from '../kube/client.js';
import { createClusterSide } from '../run/cluster.js';
import { parseMirror } from '../run/mirror.js';
import { runsFolder } from '../run/paths.js';
import { readRun } from '../run/store.js';

export interface LookupOptions {
  readonly client: Connection;
  readonly clusterUid: string;
  readonly stateRoot: string;
}

/** Finds the bundle of a run by the record on this host, else by the copy of the newest run in the cluster. */
export function bundleLookup({
  client,
  clusterUid,
  stateRoot,
}: LookupOptions): (runId: string) => Promise<string | undefined> {
  return async (runId) => {
    const folder = join(runsFolder(stateRoot, clusterUid), runId);
    const run = await readRun(folder).catch(() => undefined);
    if (run) return bundleId(run.identity.bundleId);
    const data = await createClusterSide(client, () => {})
      .mirror.read()
      .catch((error: unknown) => {
        if (isAirgapError(error, 'CLUSTER_DENIED')) return undefined;
        throw error;
      });
    const mirrored = data === undefined ? undefined : parseMirror(data);
    return mirrored?.identity.runId === runId ? bundleId(mirrored.identity.bundleId) : undefined;
  };
}

function bundleId(text: string): string | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? text : undefined;
}
