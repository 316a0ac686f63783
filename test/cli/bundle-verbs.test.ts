import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { Command } from 'commander';
import type { CliContext, Verb } from '../../src/cli/context.js';
import { diffVerb } from '../../src/cli/diff.js';
import { inspectVerb } from '../../src/cli/inspect.js';
import { keygenVerb } from '../../src/cli/keygen.js';
import { signVerb } from '../../src/cli/sign.js';
import { verifyVerb } from '../../src/cli/verify.js';
import { AirgapError } from '../../src/errors.js';
import type { AirgapEvent } from '../../src/events.js';
import { packSample, sample, temporaryFolder } from '../bundle/helpers.js';

const VERBS: readonly Verb[] = [verifyVerb, inspectVerb, diffVerb, keygenVerb, signVerb];

interface Run {
  readonly out: string;
  readonly events: readonly AirgapEvent[];
  readonly error: AirgapError | undefined;
}

/** Runs a verb with everything that it gets from outside under the test's control. */
async function run(
  args: readonly string[],
  given: { cwd?: string; home?: string; stdin?: string } = {},
): Promise<Run> {
  const stdout = new PassThrough();
  const events: AirgapEvent[] = [];
  const context: CliContext = {
    env: { HOME: given.home ?? '/nonexistent' },
    cwd: given.cwd ?? '/nonexistent',
    stdin: Readable.from([given.stdin ?? '']),
    stdout,
    now: () => 0,
    signal: new AbortController().signal,
    emit: (event) => events.push(event),
    confirm: undefined,
    version: '0.1.0',
  };
  const program = new Command('airgap').exitOverride();
  for (const verb of VERBS) verb(program, context);
  let error: AirgapError | undefined;
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (thrown) {
    assert.ok(thrown instanceof AirgapError, String(thrown));
    error = thrown;
  }
  stdout.end();
  return { out: Buffer.concat(await stdout.toArray()).toString(), events, error };
}

test('verify: text, JSON, and the faults of a bad file in both', async (t) => {
  const { path, bytes, layout } = await packSample(t);
  const good = await run(['verify', path]);
  assert.match(good.out, /^ok: /);
  assert.equal(good.error, undefined);
  assert.deepEqual(good.events.at(-1), { type: 'stage-ended', stage: 'verify', outcome: 'ok' });
  const chart = layout.byPath.get('runai-cluster-2.13.66.tgz')!;
  bytes[chart.offset] = (bytes[chart.offset] as number) ^ 1;
  writeFileSync(path, bytes);
  const bad = await run(['verify', path, '-o', 'json']);
  assert.equal(bad.error?.exitStatus, 4);
  const report = JSON.parse(bad.out) as {
    ok: boolean;
    faults: { where: string; offset: number; expected: string; found: string }[];
  };
  assert.equal(report.ok, false);
  assert.equal(report.faults.length, 1);
  assert.deepEqual([report.faults[0]?.where, report.faults[0]?.offset], [chart.path, chart.offset]);
  assert.match(report.faults[0]?.expected ?? '', /^sha256:/);
  assert.match(report.faults[0]?.found ?? '', /^sha256:/);
  assert.equal((await run(['verify', path])).out, '');
});

test('verify: what cannot be opened still gives a JSON report', async (t) => {
  const { path, bytes } = await packSample(t);
  writeFileSync(path, bytes.subarray(0, -5000));
  const { out, error } = await run(['verify', path, '-o', 'json']);
  assert.equal(error?.code, 'BUNDLE_TRUNCATED');
  const report = JSON.parse(out) as { ok: boolean; code: string; faults: { what: string }[] };
  assert.deepEqual([report.ok, report.code], [false, 'BUNDLE_TRUNCATED']);
  assert.match(report.faults[0]?.what ?? '', /short by 5000 bytes/);
});

test('verify: a number of threads that is none is a fault of the command line', async (t) => {
  const { path } = await packSample(t);
  for (const text of ['0', 'x', '-1', '1.5', '1000']) {
    assert.equal((await run(['verify', path, `--concurrency=${text}`])).error?.code, 'USAGE', text);
  }
});

test('inspect and diff: JSON holds what the text shows', async (t) => {
  const [one, other] = [await packSample(t), await packSample(t, sample({ version: '2.13.67' }))];
  const inspected = JSON.parse((await run(['inspect', one.path, '-o', 'json'])).out) as Record<
    string,
    unknown
  >;
  assert.equal(inspected['bundleId'], one.layout.bundleId);
  assert.equal((inspected['images'] as unknown[]).length, 2);
  assert.match((await run(['inspect', one.path])).out, /^runai 2\.13\.66\n/);
  const diff = JSON.parse((await run(['diff', one.path, other.path, '-o', 'json'])).out) as {
    bytes: { toMove: number };
  };
  assert.equal(diff.bytes.toMove, 0);
  assert.match((await run(['diff', one.path, other.path])).out, /\+\+\+ runai 2\.13\.67/);
});

async function keys(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  const made = await run(['keygen', '--secret-key', 'v.key', '--public-key', 'v.pub', '--plain'], {
    cwd: folder,
  });
  assert.match(made.out, /^[0-9A-F]{16}\n$/);
  return folder;
}

test('keygen: secret key for the owner alone, never over a key that is there', async (t) => {
  const folder = await keys(t);
  assert.equal(statSync(join(folder, 'v.key')).mode & 0o777, 0o600);
  const before = readFileSync(join(folder, 'v.key'));
  const again = await run(['keygen', '--secret-key', 'v.key', '--public-key', 'w.pub', '--plain'], {
    cwd: folder,
  });
  assert.equal(again.error?.code, 'OUTPUT_UNWRITABLE');
  assert.deepEqual(readFileSync(join(folder, 'v.key')), before);
});

test('keygen: how the key is stored must be said; a passphrase file others can read is refused', async (t) => {
  const folder = await temporaryFolder(t);
  const base = ['keygen', '--secret-key', 'a', '--public-key', 'b'];
  assert.equal((await run(base, { cwd: folder })).error?.code, 'USAGE');
  writeFileSync(join(folder, 'pass'), 'x\n', { mode: 0o644 });
  const open = await run([...base, '--passphrase-file', 'pass'], { cwd: folder });
  assert.match(open.error?.message ?? '', /others can read it/);
  const empty = await run([...base, '--passphrase-file', '-'], { cwd: folder, stdin: '\n' });
  assert.equal(empty.error?.code, 'USAGE');
});

test('sign in place, apart, and put in; verify with the folder of keys, named or in the configuration', async (t) => {
  const folder = await keys(t);
  const { path, layout } = await packSample(t);
  const trusted = ['--trusted-keys', folder];
  const unsigned = await run(['verify', path, ...trusted]);
  assert.equal(unsigned.error?.code, 'SIGNATURE_MISSING');
  assert.equal(
    (await run(['verify', path, ...trusted, `--allow-unsigned=${layout.bundleId}`])).error,
    undefined,
  );
  const signed = await run(['sign', path, '--key', join(folder, 'v.key')]);
  assert.match(signed.out, /^signed: /);
  assert.match((await run(['verify', path, ...trusted])).out, /, trusted\n/);
  const second = await packSample(t);
  writeFileSync(join(folder, 'airgap.json'), second.layout.bytes);
  const detached = await run(['sign', 'airgap.json', '--detached', '--key', 'v.key'], { cwd: folder });
  writeFileSync(join(folder, 'sig'), detached.out);
  assert.equal((await run(['sign', second.path, '--attach', join(folder, 'sig')])).error, undefined);
  assert.equal((await run(['verify', second.path, ...trusted])).error, undefined);
});

test('threats 23, 35: trusted keys: an empty folder that was named, and a threshold that cannot be met, are refused', async (t) => {
  const folder = await keys(t);
  const { path } = await packSample(t);
  const empty = await temporaryFolder(t);
  for (const dir of [empty, join(empty, 'none')]) {
    assert.equal((await run(['verify', path, '--trusted-keys', dir])).error?.code, 'TRUST_UNSAFE');
  }
  const two = await run(['verify', path, '--trusted-keys', folder, '--threshold', '2']);
  assert.equal(two.error?.code, 'USAGE');
});

test('sign: one way to sign, and an encrypted key needs its passphrase file', async (t) => {
  const { path } = await packSample(t);
  assert.equal((await run(['sign', path])).error?.code, 'USAGE');
  assert.equal((await run(['sign', path, '--key', 'a', '--attach', 'b'])).error?.code, 'USAGE');
  const none = await run(['sign', path, '--key', 'none'], { cwd: '/nonexistent' });
  assert.equal(none.error?.code, 'FILE_NOT_FOUND');
});
