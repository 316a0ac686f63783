import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { silent } from '../../src/events.js';
import type { KubeClient, KubeObject } from '../../src/kube/types.js';
import { createClusterSide } from '../../src/run/cluster.js';

test('what is saved and large has several Secrets, and another host reads it whole or not at all', async () => {
  const secrets = new Map<string, KubeObject>();
  const client = {
    apply: async (object: KubeObject) => void secrets.set(object.metadata.name, object),
    get: async (_: unknown, { name }: { name: string }) => secrets.get(name),
    list: async () => [...secrets.values()],
  } as unknown as KubeClient;
  const saved = createClusterSide(client, silent).saved?.('run-1');
  assert.ok(saved);
  // Random bytes do not shrink, as helm’s own records, which are compressed already.
  const history = randomBytes(2_000_000);
  await saved.put('helm/runai-backend.json', history);
  const parts = [...secrets.keys()];
  assert.equal(parts.length, 3);
  for (const { data } of secrets.values() as Iterable<KubeObject & { data?: { content: string } }>)
    assert.ok(Buffer.from(data?.content ?? '', 'base64').length < 1024 * 1024);
  await saved.put('volumes/before.json', Buffer.from('[]'));
  assert.deepEqual(await saved.get('helm/runai-backend.json'), history);
  assert.equal(String(await saved.get('volumes/before.json')), '[]');
  assert.equal(await saved.get('helm/other.json'), undefined);
  // Shorter than before: what was left of the longer one is not read.
  await saved.put('helm/runai-backend.json', history.subarray(0, 1000));
  assert.deepEqual(await saved.get('helm/runai-backend.json'), history.subarray(0, 1000));
  await saved.put('helm/runai-backend.json', history);
  secrets.delete(parts[0] ?? '');
  assert.equal(await saved.get('helm/runai-backend.json'), undefined, 'a part is missing');
});
