import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { after, before, beforeEach, describe, it } from 'node:test';
import { AirgapError } from '../../../src/errors.js';
import type { ExecOptions, ExecResult, ExecTarget } from '../../../src/kube/types.js';
import { swapStep } from '../../../src/recovery/steps/swap.js';
import type { RestoreWork } from '../../../src/recovery/steps/types.js';
import type { StepContext } from '../../../src/run/types.js';
import { type Bench, makeBench, object, runStep } from '../../install/support/step.js';

const NAMESPACE = 'runai-backend';
const MARK = 'airgap restore run-1 of backup b';

/** A server that knows names and comments of databases, and nothing else. */
interface FakeServer {
  databases: Record<string, string>;
  /** What happens at the renaming. */
  onSwap: () => Promise<void> | void;
}

describe('threat 129: the swap and its outage', () => {
  let bench: Bench;
  let work: RestoreWork;
  const server: FakeServer = { databases: {}, onSwap: () => {} };

  async function exec(_target: ExecTarget, options: ExecOptions = {}): Promise<ExecResult> {
    let input = '';
    for await (const piece of options.stdin as Readable) input += piece;
    const said = (stdout: string): ExecResult => ({
      exitCode: 0,
      stdout: Buffer.from(stdout),
      stderr: '',
      protocol: '',
    });
    if (input.includes('json_object_agg'))
      return said(JSON.stringify({ databases: server.databases, roles: [], age: 1, system: '1', oids: {} }));
    if (input.includes('pg_control_system')) return said(JSON.stringify({ age: 1, system: '1', oids: {} }));
    if (!input.includes('RENAME')) return said('');
    await server.onSwap();
    const { backend = '', backend_airgap_new: side = '', ...rest } = server.databases;
    server.databases = { ...rest, backend: side, backend_airgap_old: backend };
    return said('');
  }

  before(async () => {
    bench = await makeBench();
    bench.api.onChange = (api) => {
      const replicas = (api.get('Deployment', 'web', NAMESPACE)?.['spec'] as { replicas: number } | undefined)
        ?.replicas;
      if (replicas === 0) api.remove('Pod', 'web-0', NAMESPACE);
    };
  });
  after(() => bench.close());
  beforeEach(async () => {
    const { api } = bench;
    const data = { 'postgres-password': Buffer.from('x').toString('base64') };
    const selector = { matchLabels: { app: 'web' } };
    api.put(object('Secret', 'runai-backend-postgresql', NAMESPACE, { data }));
    api.put(
      object('Pod', 'runai-backend-postgresql-0', NAMESPACE, {
        spec: { containers: [{ name: 'postgresql' }] },
        status: { phase: 'Running' },
      }),
    );
    api.put(object('StatefulSet', 'runai-backend-postgresql', NAMESPACE, { spec: { replicas: 1 } }));
    api.put(object('Deployment', 'web', NAMESPACE, { spec: { replicas: 2, selector } }));
    api.put(object('Pod', 'web-0', NAMESPACE, { metadata: { labels: { app: 'web' } } }));
    server.databases = { backend: '', backend_airgap_new: MARK };
    server.onSwap = () => {};
    await bench.context.saved.put('writers/replicas.json', '[]');
    work = {
      backup: { backupId: 'b' },
      client: { ...api.client, exec },
      values: {},
      random: () => Buffer.alloc(4),
      emit: () => {},
      sinceInstall: () => undefined,
    } as unknown as RestoreWork;
  });

  const replicas = (name = 'web'): unknown => {
    const kind = name === 'web' ? 'Deployment' : 'StatefulSet';
    const live = bench.api.get(kind, name, NAMESPACE);
    return [
      (live?.['spec'] as { replicas: number } | undefined)?.replicas,
      live?.metadata.annotations?.['airgap/replicas'],
    ];
  };
  const step = () => swapStep(work, ['backend']);

  it('nothing writes while names change, and everything runs again afterwards', async () => {
    let during: unknown;
    server.onSwap = () => {
      during = [replicas(), replicas('runai-backend-postgresql')];
    };
    assert.equal(await runStep(step(), bench.context), 'done');
    assert.deepEqual(during, [
      [0, '2'],
      [1, undefined],
    ]);
    assert.deepEqual(replicas(), [2, undefined]);
    assert.deepEqual(server.databases, { backend: MARK, backend_airgap_old: '' });
  });

  it('a swap that fails leaves the product running', async () => {
    server.onSwap = () => {
      throw new AirgapError('RESTORE_FAILED', 'no');
    };
    await assert.rejects(runStep(step(), bench.context), /no/);
    assert.deepEqual(replicas(), [2, undefined]);
    assert.equal(server.databases['backend'], '');
  });

  it('an operator who interrupts does not leave it down', async () => {
    const stop = new AbortController();
    const context: StepContext = { ...bench.context, signal: stop.signal };
    server.onSwap = () => {
      stop.abort(new Error('interrupted'));
      throw stop.signal.reason;
    };
    await assert.rejects(runStep(step(), context), /interrupted/);
    assert.deepEqual(replicas(), [2, undefined]);
  });

  it('a run that was killed while all was stopped starts everything, whatever it finds', async () => {
    const found: readonly Record<string, string>[] = [
      { backend: MARK, backend_airgap_old: '' },
      { backend: '', backend_airgap_new: 'of another run' },
    ];
    for (const databases of found) {
      await step().save?.(bench.context);
      bench.api.put(
        object('Deployment', 'web', NAMESPACE, {
          metadata: { annotations: { 'airgap/replicas': '2' } },
          spec: { replicas: 0, selector: { matchLabels: { app: 'web' } } },
        }),
      );
      server.databases = databases;
      const first = await step().observe(bench.context);
      if (first.state === 'ready') await step().perform(bench.context);
      assert.deepEqual(replicas(), [2, undefined], JSON.stringify(databases));
    }
  });

  it('also when the database cannot be reached', async () => {
    await step().save?.(bench.context);
    bench.api.put(
      object('Deployment', 'web', NAMESPACE, {
        metadata: { annotations: { 'airgap/replicas': '2' } },
        spec: { replicas: 0, selector: { matchLabels: { app: 'web' } } },
      }),
    );
    bench.api.remove('Pod', 'runai-backend-postgresql-0', NAMESPACE);
    await assert.rejects(step().observe(bench.context), /does not run/);
    assert.deepEqual(replicas(), [2, undefined]);
  });

  it('leaves it to the operator when an older one is still there', async () => {
    server.databases = { backend: '', backend_airgap_new: MARK, backend_airgap_old: '' };
    const { state, detail } = await step().observe(bench.context);
    assert.equal(state, 'impossible');
    assert.match(detail ?? '', /backend_airgap_old of an earlier restore is still there/);
  });
});
