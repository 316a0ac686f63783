import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openBundle } from '../../src/bundle/open.js';
import type { AirgapEvent } from '../../src/events.js';
import { failure } from './support/failure.js';
import { folderOf, suiteScope } from './support/folder.js';
import { blobGets, startGateway } from './support/gateway.js';
import { airgap, noise, packed, productOf } from './support/pack.js';
import { pushImage, startRegistry } from './support/registry.js';

const BASE = noise(300_000, 'base');

describe('packing from a real registry', () => {
  let registry = '';
  const scope = suiteScope();
  before(async () => {
    registry = await startRegistry(scope);
    await pushImage(registry, 'team/one:1', [BASE, noise(50_000, 'one')]);
    await pushImage(registry, 'team/two:1', [BASE, noise(60_000, 'two')]);
  });

  test('the bundle has what the chart names; each blob is fetched once; sha256sum -c passes', async (t) => {
    const gateway = await startGateway(t, registry);
    const product = productOf(t, { registry: gateway.host, images: ['team/one:1', 'team/two:1'] });
    const tmpdir = folderOf(t);
    const { report, output } = await packed(t, product, { tmpdir });
    assert.deepEqual(
      report.images.map(({ target }) => target),
      ['one:1', 'two:1'],
    );
    assert.deepEqual(report.paths, [output]);
    const gets = blobGets(gateway.requests);
    assert.equal(gets.length, new Set(gets).size, 'a blob was fetched twice');
    assert.equal(gets.length, 5);
    assert.deepEqual(readdirSync(tmpdir), [], 'something was left in the temporary folder');
    const folder = folderOf(t);
    assert.equal(spawnSync('tar', ['xf', output, '-C', folder]).status, 0);
    const check = spawnSync('sha256sum', ['-c', '--quiet', 'SHA256SUMS'], { cwd: folder, encoding: 'utf8' });
    assert.equal(check.status, 0, check.stdout + check.stderr);
    const bundle = await openBundle(output);
    t.after(() => bundle.close());
    assert.equal(bundle.manifest.coverage, 'rendered');
    assert.match(
      bundle.manifest.images[0]?.reasons[0] ?? '',
      /demo\/templates\/d0\.yaml: Deployment\/d0, container main/,
    );
  });

  test('the same inputs give the same bytes, in another folder and at another time', async (t) => {
    const facts = { registry, images: ['team/one:1', 'team/two:1'] };
    const first = await packed(t, productOf(t, facts));
    const second = await packed(t, productOf(t, facts), { now: () => 0, concurrency: 1 });
    assert.equal(second.report.bundleId, first.report.bundleId);
    assert.ok(readFileSync(first.output).equals(readFileSync(second.output)));
  });

  test('the source date comes from the spec, else from SOURCE_DATE_EPOCH, else it is 0', async (t) => {
    const facts = { registry, images: ['team/one:1'] };
    const date = async (more: string, env: Record<string, string>): Promise<number> => {
      const { output } = await packed(t, productOf(t, { ...facts, more }), {
        env: { PATH: (await import('./support/programs.js')).PATH, ...env },
      });
      const bundle = await openBundle(output);
      await bundle.close();
      return bundle.manifest.sourceDate;
    };
    assert.equal(await date('', {}), 0);
    assert.equal(await date('', { SOURCE_DATE_EPOCH: '1700000000' }), 1_700_000_000);
    assert.equal(
      await date('sourceDate: 2024-10-01\n', { SOURCE_DATE_EPOCH: '1' }),
      Date.UTC(2024, 9, 1) / 1000,
    );
  });

  test('a dry run fetches no layer and writes nothing', async (t) => {
    const gateway = await startGateway(t, registry);
    const product = productOf(t, { registry: gateway.host, images: ['team/one:1'] });
    const names = readdirSync(product.folder).sort();
    const { report } = await packed(t, product, { dryRun: true });
    assert.equal(report.outcome, 'planned');
    assert.ok(report.size > 350_000);
    assert.deepEqual(readdirSync(product.folder).sort(), names);
    assert.equal(blobGets(gateway.requests).length, 1, 'only the config tells the platform');
    const real = await packed(t, product);
    assert.equal(real.report.bundleId, report.bundleId);
    assert.equal(real.report.size, report.size);
  });

  test('threat 79: a tag that moves is told, and --locked packs what the lock says', async (t) => {
    await pushImage(registry, 'team/moving:1', [noise(1000, 'before')]);
    const product = productOf(t, { registry, images: ['team/moving:1'] });
    const first = await packed(t, product);
    const lock = readFileSync(join(product.folder, 'spec.lock.yaml'), 'utf8');
    await pushImage(registry, 'team/moving:1', [noise(1000, 'after')]);
    const locked = await packed(t, product, { mode: 'locked', output: join(product.folder, 'locked.tar') });
    assert.equal(locked.report.bundleId, first.report.bundleId);
    assert.equal(readFileSync(join(product.folder, 'spec.lock.yaml'), 'utf8'), lock);
    const fresh = await packed(t, product, { output: join(product.folder, 'fresh.tar') });
    assert.notEqual(fresh.report.bundleId, first.report.bundleId);
    assert.deepEqual(
      fresh.report.lock.changes.map(({ what, subject }) => `${what} ${subject}`),
      [`changed image ${registry}/team/moving:1`],
    );
  });

  test('--locked without a lock, or with one that no longer fits, is refused before any blob', async (t) => {
    const gateway = await startGateway(t, registry);
    const product = productOf(t, { registry: gateway.host, images: ['team/one:1'] });
    await failure('LOCK_STALE', () => packed(t, product, { mode: 'locked' }));
    await packed(t, product);
    const more = `images: {include: [{ref: "${gateway.host}/team/two:1"}]}\n`;
    const other = productOf(t, { registry: gateway.host, images: ['team/one:1'], more });
    gateway.requests.length = 0;
    const { text } = await failure('LOCK_STALE', () =>
      packed(t, other, { mode: 'locked', lockFile: join(product.folder, 'spec.lock.yaml') }),
    );
    assert.match(text, /team\/two:1: is not in the lock/);
    assert.deepEqual(gateway.requests, []);
  });

  test('parts join to the very file; a delta bundle leaves out what its base has', async (t) => {
    const product = productOf(t, { registry, images: ['team/one:1'] });
    const whole = await packed(t, product);
    const parts = await packed(t, product, { output: join(product.folder, 'p.tar'), split: 100_000 });
    assert.equal(parts.report.paths.length, Math.ceil(whole.report.size / 100_000));
    const joined = Buffer.concat(parts.report.paths.map((path) => readFileSync(path)));
    assert.ok(joined.equals(readFileSync(whole.output)));
    const larger = productOf(t, { registry, images: ['team/one:1', 'team/two:1'] });
    const delta = await packed(t, larger, { base: whole.output });
    assert.ok(delta.report.inBase > 300_000);
    assert.ok(delta.report.size < 150_000, String(delta.report.size));
    const bundle = await openBundle(delta.output);
    t.after(() => bundle.close());
    assert.equal(bundle.manifest.base?.bundleId, whole.report.bundleId);
  });

  test('a second pack takes from the older bundle what it needs, by checking it', async (t) => {
    const gateway = await startGateway(t, registry);
    const product = productOf(t, { registry: gateway.host, images: ['team/one:1'] });
    const { output } = await packed(t, product);
    gateway.requests.length = 0;
    const again = await packed(t, product);
    assert.deepEqual(blobGets(gateway.requests), []);
    assert.equal(again.report.written?.brought, 0);
    const bytes = readFileSync(output);
    bytes[bytes.indexOf(BASE.subarray(0, 64)) + 1000] = 0;
    writeFileSync(output, bytes);
    await packed(t, product);
    assert.equal(blobGets(gateway.requests).length, 1, 'only the damaged blob');
  });
});

test('threat 83: an interrupt while writing keeps what is complete: exit 10, and the same command goes on', async (t) => {
  const registry = await startRegistry(t);
  await pushImage(registry, 'team/app:1', [noise(50_000, 'small'), noise(400_000, 'large')]);
  const gateway = await startGateway(t, registry, { rate: 200_000 });
  const product = productOf(t, { registry: gateway.host, images: ['team/app:1'] });
  const stop = new AbortController();
  const emit = (event: AirgapEvent): void => {
    if (event.type === 'progress' && event.stage === 'write' && event.done > 50_000) stop.abort();
  };
  const { error } = await failure('INTERRUPTED', () => packed(t, product, { emit, signal: stop.signal }));
  assert.equal(error.exitStatus, 10);
  assert.ok(existsSync(join(product.folder, 'out.tar.partial')));
  assert.ok(!existsSync(join(product.folder, 'out.tar')));
  const { report } = await packed(t, product);
  assert.ok(report.written && report.written.reused > 50_000, JSON.stringify(report.written));
});

test('kill -9 at three random moments, then the same command: nothing complete is fetched again', async (t) => {
  const registry = await startRegistry(t);
  const names = Array.from({ length: 6 }, (_, index) => `team/app${index}:1`);
  for (const name of names)
    await pushImage(registry, name, [noise(150_000, name), noise(400_000, `${name} large`)]);
  const gateway = await startGateway(t, registry, { rate: 200_000 });
  const product = productOf(t, { registry: gateway.host, images: names });
  const output = join(product.folder, 'out.tar');
  const run = (kill?: Promise<void>) =>
    airgap(['pack', 'spec.yaml', '-o', 'out.tar', '--concurrency', '3'], {
      cwd: product.folder,
      env: { TMPDIR: product.folder },
      ...(kill === undefined ? {} : { kill }),
    });
  const rounds: { partial: Buffer; gets: string[] }[] = [];
  for (let round = 0; round < 3; round++) {
    const from = gateway.requests.length;
    const configs = round === 0 ? 6 : 0; // what the lock knows is not looked up again
    // three at a time: with the fourth layer asked for, one is complete
    const fetching = () => blobGets(gateway.requests.slice(from)).length >= configs + 4;
    const killed = await run(whenever(fetching, Math.floor(Math.random() * 400)));
    assert.equal(killed.status, null, `the pack ended before it was killed: ${killed.err}`);
    assert.ok(!existsSync(output), 'a killed pack must not leave a file under the final name');
    const partial = existsSync(`${output}.partial`) ? readFileSync(`${output}.partial`) : Buffer.alloc(0);
    rounds.push({ partial, gets: blobGets(gateway.requests.slice(from)) });
  }
  const from = gateway.requests.length;
  const last = await run();
  assert.equal(last.status, 0, last.err);
  const bundle = await openBundle(output);
  t.after(() => bundle.close());
  const whole = readFileSync(output);
  const gets = [...rounds.slice(1).map((round) => round.gets), blobGets(gateway.requests.slice(from))];
  let complete = 0;
  rounds.forEach(({ partial }, index) => {
    for (const { path, offset, size } of bundle.positions.filter((entry) =>
      entry.path.startsWith('blobs/'),
    )) {
      const region = (bytes: Buffer): Buffer => bytes.subarray(offset - 512, offset + size);
      if (partial.length !== whole.length || !region(partial).equals(region(whole))) continue;
      complete++;
      const digest = `sha256:${path.slice('blobs/sha256/'.length)}`;
      for (const later of gets.slice(index))
        assert.ok(!later.includes(digest), `${digest} was complete after run ${index + 1}`);
    }
  });
  assert.ok(complete > 0, 'the kills came too early to show anything');
  const fresh = await packed(t, product, { output: join(product.folder, 'fresh.tar') });
  assert.ok(readFileSync(fresh.output).equals(whole));
});

/** Resolves a moment after the condition holds, or after 20 seconds. */
async function whenever(condition: () => boolean, moment: number): Promise<void> {
  for (let tries = 0; tries < 1000 && !condition(); tries++) await sleep(20);
  await sleep(moment);
}
