import type { LeaseApi, LeaseRecord } from '../../src/run/lease.js';
import type { ClusterSide } from '../../src/run/session.js';

/** The cluster's side, kept in memory: what the API server would hold. */
export function memoryCluster(): ClusterSide & { data: Record<string, string> | undefined; lease: LeaseApi } {
  let lease: LeaseRecord | undefined;
  let version = 1;
  const secrets = new Map<string, Buffer>();
  const side = {
    data: undefined as Record<string, string> | undefined,
    lease: {
      get: async () => lease,
      create: async (body) => {
        lease = { ...body, resourceVersion: String(version++) };
        return lease;
      },
      update: async (body) => {
        if (lease?.resourceVersion !== body.resourceVersion) return 'conflict';
        lease = { ...body, resourceVersion: String(version++) };
        return lease;
      },
    } satisfies LeaseApi,
    mirror: {
      read: async () => side.data,
      write: async (data: Readonly<Record<string, string>>) => {
        side.data = { ...data };
      },
    },
    saved: (runId: string) => ({
      put: async (name: string, content: Buffer) => void secrets.set(`${runId} ${name}`, content),
      get: async (name: string) => secrets.get(`${runId} ${name}`),
    }),
  };
  return side;
}
