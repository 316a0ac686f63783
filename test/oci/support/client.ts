import type { TestContext } from 'node:test';
import type { AirgapEvent } from '../../../src/events.js';
import type { RegistryClient, RegistryOptions } from '../../../src/oci/client.js';
import { createRegistry } from '../../../src/oci/registry.js';
import { FakeRegistry } from './fake-registry.js';

export interface Pair {
  readonly fake: FakeRegistry;
  readonly client: RegistryClient;
  readonly events: AirgapEvent[];
}

/** A fake registry and a client of it with short delays; both are closed after the test. */
export async function pairOf(t: TestContext, options: Partial<RegistryOptions> = {}): Promise<Pair> {
  const fake = await FakeRegistry.start();
  const events: AirgapEvent[] = [];
  const client = createRegistry(fake.host, {
    env: {},
    plainHttp: true,
    retryDelay: 5,
    // Long: on a busy machine nothing may move for a while. Tests of stalls give their own.
    stallTimeout: 20_000,
    emit: (event) => events.push(event),
    ...options,
  });
  t.after(async () => {
    await client.close();
    await fake.close();
  });
  return { fake, client, events };
}
