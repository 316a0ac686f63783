import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findDatabase } from '../../src/recovery/database-place.js';
import { DUMPED_FROM, heldClaims } from '../../src/recovery/held-parts.js';

const NAMESPACE = 'runai-backend';

test('the claims of a database are those that its own pod has mounted', async () => {
  const pod = {
    metadata: { name: 'runai-backend-postgresql-0', namespace: NAMESPACE },
    spec: {
      containers: [{ name: 'postgresql', image: 'postgres' }],
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'pvc-postgresql' } },
        { name: 'dshm', emptyDir: {} },
      ],
    },
    status: { phase: 'Running' },
  };
  const secret = {
    metadata: { name: 's' },
    data: { 'postgres-password': Buffer.from('p').toString('base64') },
  };
  const client = {
    get: async ({ kind }: { kind: string }) => (kind === 'Pod' ? pod : secret),
    list: async () => [],
    exec: async () => ({ exitCode: 0, stdout: Buffer.from('1\n'), stderr: '', protocol: '' }),
  } as unknown as Parameters<typeof findDatabase>[0];
  const { claims } = await findDatabase(client, {}, new AbortController().signal);
  assert.deepEqual(claims, [`${NAMESPACE}/pvc-postgresql`]);
});

test('threat 127: a backup holds the claims that it saved and those under what it dumped, not all that were there', () => {
  const volumes = [
    { claim: 'thanos', namespace: NAMESPACE, purpose: 'metrics', method: 'copy', part: 'p' },
    { claim: 'db', namespace: 'runai', purpose: 'prometheus', method: 'snapshot', by: 's' },
  ] as const;
  assert.deepEqual(heldClaims({ volumes, meta: {} }), new Set([`${NAMESPACE}/thanos`, 'runai/db']));
  const meta = { [DUMPED_FROM]: [`${NAMESPACE}/pvc-postgresql`] };
  assert.deepEqual(heldClaims({ volumes: [], meta }), new Set([`${NAMESPACE}/pvc-postgresql`]));
});
