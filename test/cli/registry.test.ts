import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { packSample } from '../bundle/helpers.js';
import { ask, atEnd, jsonOf, pushImage, temporaryFolder } from '../registry/support.js';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

function start(t: TestContext, args: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, 'registry', 'serve', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([status]): Ended => ({ status: status as number | null, stderr }));
  atEnd(t, async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const url = once(child.stdout, 'data').then(([line]) => String(line).trim());
  return { child, ended, url };
}

test('a folder is served until a signal, with hints, and the status is 0', async (t) => {
  const root = await temporaryFolder(t);
  const { child, ended, url } = start(t, ['--root', root, '--listen', '127.0.0.1:0']);
  const address = (await url).replace('http://', '');
  assert.match(address, /^127\.0\.0\.1:\d+$/);
  assert.equal((await pushImage(await url, 'a', 'v1')).answer.status, 201);
  child.kill('SIGTERM');
  const { status, stderr } = await ended;
  assert.equal(status, 0);
  assert.match(stderr, new RegExp(`airgap push FILE --registry ${address} --plain-http`));
  assert.match(stderr, new RegExp(`/etc/containerd/certs.d/${address}/hosts.toml`));
  assert.doesNotMatch(stderr, /without TLS/);
});

test('a bundle is served in place', async (t) => {
  const { path } = await packSample(t);
  const { url } = start(t, ['--bundle', path, '--listen', '127.0.0.1:0']);
  assert.deepEqual(jsonOf(await ask('GET', `${await url}/v2/_catalog`)), {
    repositories: ['busybox', 'operator'],
  });
});

test('listening beyond the host without TLS or users is said loudly', async (t) => {
  const root = await temporaryFolder(t);
  const { child, ended, url } = start(t, ['--root', root, '--listen', '0.0.0.0:0', '--log-format', 'json']);
  await url;
  child.kill('SIGINT');
  const { stderr } = await ended;
  const events = stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: string; text: string });
  const warnings = events.filter(({ level }) => level === 'warn').map(({ text }) => text);
  assert.ok(warnings.some((text) => text.includes('without TLS')));
  assert.ok(warnings.some((text) => text.includes('whoever reaches it can push')));
});

test('what cannot be served ends with one message and its status', async (t) => {
  const folder = await temporaryFolder(t);
  const users = join(folder, 'users');
  await writeFile(users, 'ann:secret\n');
  await chmod(users, 0o644);
  const empty = join(folder, 'empty');
  await writeFile(empty, '# nobody\n', { mode: 0o600 });
  const bundle = join(folder, 'no-bundle');
  await writeFile(bundle, 'x'.repeat(2000));
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[], 2, /needs --bundle FILE, --root DIR or both/],
    [['--root', folder, '--listen', 'nowhere'], 2, /is no address/],
    [['--root', folder, '--listen', '127.0.0.1:70000'], 2, /is no address/],
    [['--root', folder, '--tls-cert', users], 2, /belong together/],
    [['--root', folder, '--tls-cert', users, '--tls-key', join(folder, 'none')], 2, /FILE_NOT_FOUND/],
    [['--root', folder, '--auth-file', users], 2, /others can read it/],
    [['--root', folder, '--auth-file', empty], 2, /no list of users/],
    [['--root', folder, '--anonymous-pull'], 2, /needs --auth-file/],
    [['--bundle', bundle], 3, /NOT_A_BUNDLE/],
    [['--bundle', join(folder, 'none')], 2, /FILE_NOT_FOUND/],
  ];
  for (const [args, status, message] of cases) {
    const { ended } = start(t, args);
    const found = await ended;
    assert.equal(found.status, status, `${args.join(' ')}\n${found.stderr}`);
    assert.match(found.stderr, message);
    assert.doesNotMatch(found.stderr, /secret/);
  }
});
