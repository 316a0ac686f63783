import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import type { CliContext } from '../../src/cli/context.js';
import { parseDuration } from '../../src/cli/duration.js';
import { type InstallFlags, installOptions } from '../../src/cli/install-options.js';
import { buildProgram, runProgram } from '../../src/cli/program.js';
import type { AirgapError } from '../../src/errors.js';
import type { AirgapEvent } from '../../src/events.js';

function context(events: AirgapEvent[] = []): CliContext {
  return {
    env: { HOME: '/home/op' },
    cwd: '/work dir',
    stdin: Readable.from([]),
    stdout: new Writable({ write: (_chunk, _encoding, done) => done() }),
    now: () => 0,
    signal: new AbortController().signal,
    emit: (event) => events.push(event),
    confirm: undefined,
    version: '0.1.0',
  };
}

const flags = (more: Partial<InstallFlags> = {}): InstallFlags =>
  ({ backendValues: [], clusterValues: [], backendSet: [], clusterSet: [], ...more }) as InstallFlags;

test('durations are sums of seconds, minutes and hours', () => {
  const rows: readonly (readonly [string, number])[] = [
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
  ];
  for (const [text, milliseconds] of rows) assert.equal(parseDuration('--timeout', text), milliseconds);
  for (const text of ['', '5', '5 m', '-5m', '0s', '25h', '5d', 'm5'])
    assert.throws(() => parseDuration('--timeout', text), { code: 'USAGE' }, text);
});

test('paths are taken from the working folder, everything else as it was given', async () => {
  const options = await installOptions(
    'b.tar',
    flags({
      registry: 'reg:5000/x',
      plainHttp: true,
      backendValues: ['v.yaml', '/abs.yaml'],
      clusterSet: ['a=b'],
      kubeconfig: 'kc',
      helm: 'bundle',
      concurrency: '8',
      timeout: '1h',
    }),
    context(),
  );
  assert.equal(options.bundle.file, '/work dir/b.tar');
  assert.deepEqual(options.backend.files, ['/work dir/v.yaml', '/abs.yaml']);
  assert.deepEqual(options.clusterValues.settings, ['a=b']);
  assert.deepEqual(options.cluster, { kubeconfig: '/work dir/kc', helm: 'bundle' });
  assert.deepEqual(options.registry, { address: 'reg:5000/x', plainHttp: true, concurrency: 8 });
  assert.deepEqual(
    [options.stateRoot, options.healthTimeout, options.skipPush],
    ['/home/op/.local/state/airgap', 3_600_000, false],
  );
  const other = await installOptions('b.tar', flags({ stateDir: 'st', helm: './helm' }), context());
  assert.deepEqual([other.stateRoot, other.cluster.helm], ['/work dir/st', '/work dir/helm']);
  assert.notEqual(other.place, options.place, 'another state folder is another place to the lease');
});

test('flags that do not fit are refused before anything is opened', async () => {
  await assert.rejects(installOptions('b', flags({ clientCert: 'c' }), context()), { code: 'USAGE' });
  for (const concurrency of ['0', '-1', 'x', '1.5', '65'])
    await assert.rejects(
      installOptions('b', flags({ concurrency }), context()),
      { code: 'USAGE' },
      concurrency,
    );
});

test('switching verification off is said', async () => {
  const events: AirgapEvent[] = [];
  await installOptions('b', flags({ insecureSkipTlsVerify: true }), context(events));
  assert.match(JSON.stringify(events), /insecure-skip-tls-verify/);
});

test('install, preflight and push need a file, and know their options', async () => {
  const run = async (...args: string[]): Promise<AirgapError> => {
    const program = buildProgram(context(), () => {});
    return runProgram(program, args).then(
      () => assert.fail(args.join(' ')),
      (error: AirgapError) => error,
    );
  };
  for (const verb of ['install', 'preflight', 'push']) {
    assert.match((await run(verb)).message, /missing required argument 'file'/);
    assert.equal((await run(verb, 'f', '--no-such-flag')).code, 'USAGE');
    const gone = await run(verb, `${tmpdir()}/airgap-no-such-file.tar`, '--registry', '127.0.0.1:1');
    assert.equal(gone.code, 'FILE_NOT_FOUND', `${verb}: ${gone.message}`);
  }
});
