import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import type { Env } from '../../src/oci/client.js';
import { askHelper } from '../../src/oci/credential-helper.js';
import { findCredentials, usualFiles } from '../../src/oci/credentials.js';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-credentials-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function save(path: string, content: object | string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** A credential helper: a shell script that docker would run as well. */
async function helper(folder: string, name: string, script: string): Promise<Env> {
  const path = await save(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return { PATH: `${folder}:/usr/bin:/bin` };
}

const login = (user: string): object => ({ auth: Buffer.from(`${user}:pw`).toString('base64') });
const userOf = (found: Awaited<ReturnType<typeof findCredentials>>): string | undefined =>
  found?.credentials.kind === 'basic' ? found.credentials.username : undefined;

test('threat 77: the usual files are looked at in order, and the first that knows the registry counts', async (t) => {
  const home = await folderOf(t);
  const env = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') };
  assert.deepEqual(usualFiles(env), [
    join(home, 'run/containers/auth.json'),
    join(home, '.config/containers/auth.json'),
    join(home, '.docker/config.json'),
  ]);
  assert.equal(await findCredentials('a.example.com', undefined, { env }), undefined);
  await save(join(home, '.docker/config.json'), { auths: { 'a.example.com': login('docker') } });
  await save(join(home, 'run/containers/auth.json'), { auths: { 'b.example.com': login('podman') } });
  assert.equal(userOf(await findCredentials('a.example.com', undefined, { env })), 'docker');
  await save(join(home, 'run/containers/auth.json'), { auths: { 'a.example.com': login('podman') } });
  const found = await findCredentials('a.example.com', undefined, { env });
  assert.equal(userOf(found), 'podman');
  assert.equal(found?.origin, join(home, 'run/containers/auth.json'));
});

test('threat 77: DOCKER_CONFIG, REGISTRY_AUTH_FILE and --authfile, each over the one before', async (t) => {
  const home = await folderOf(t);
  await save(join(home, 'docker/config.json'), { auths: { 'a.example.com': login('folder') } });
  const variable = await save(join(home, 'variable.json'), { auths: { 'a.example.com': login('variable') } });
  const flag = await save(join(home, 'flag.json'), { auths: { 'a.example.com': login('flag') } });
  const env: Env = { HOME: home, DOCKER_CONFIG: join(home, 'docker') };
  assert.equal(userOf(await findCredentials('a.example.com', undefined, { env })), 'folder');
  const withVariable = { ...env, REGISTRY_AUTH_FILE: variable };
  assert.equal(userOf(await findCredentials('a.example.com', undefined, { env: withVariable })), 'variable');
  assert.equal(
    userOf(await findCredentials('a.example.com', undefined, { env: withVariable, authFile: flag })),
    'flag',
  );
  assert.equal(await findCredentials('b.example.com', undefined, { env, authFile: flag }), undefined);
});

test('threat 77: the longest prefix of the repository wins', async (t) => {
  const home = await folderOf(t);
  const authFile = await save(join(home, 'auth.json'), {
    auths: { 'quay.io': login('host'), 'quay.io/org': login('org'), 'quay.io/org/repo': login('repo') },
  });
  const user = async (repository?: string): Promise<string | undefined> =>
    userOf(await findCredentials('quay.io', repository, { env: {}, authFile }));
  assert.equal(await user('org/repo'), 'repo');
  assert.equal(await user('org/other'), 'org');
  assert.equal(await user('organisation/x'), 'host');
  assert.equal(await user(), 'host');
});

test('threat 77: a file that cannot be read or understood never means anonymous', async (t) => {
  const home = await folderOf(t);
  const env = { HOME: home };
  await save(join(home, '.docker/config.json'), '{"auths": {');
  await assert.rejects(findCredentials('a', undefined, { env }), (error) =>
    isAirgapError(error, 'REGISTRY_AUTH'),
  );
  await rm(join(home, '.docker/config.json'));
  await mkdir(join(home, '.docker/config.json'));
  await assert.rejects(findCredentials('a', undefined, { env }), (error) =>
    isAirgapError(error, 'REGISTRY_AUTH'),
  );
  const authFile = join(home, 'absent.json');
  await assert.rejects(
    findCredentials('a', undefined, { env, authFile }),
    (error) => isAirgapError(error, 'FILE_NOT_FOUND') && error.exitStatus === 2,
  );
});

test('threat 77: credHelpers come before credsStore, and both before auths', async (t) => {
  const home = await folderOf(t);
  const answer = (user: string): string =>
    `read server; printf '{"ServerURL":"%s","Username":"${user}-%s","Secret":"s"}' "$server" "$server"`;
  await helper(home, 'one', answer('one'));
  const env = { ...(await helper(home, 'two', answer('two'))), HOME: home };
  await save(join(home, '.docker/config.json'), {
    auths: { 'a.example.com': login('file'), 'b.example.com': login('file') },
    credHelpers: { 'a.example.com': 'one' },
    credsStore: 'two',
  });
  assert.equal(userOf(await findCredentials('a.example.com', 'x', { env })), 'one-a.example.com');
  const found = await findCredentials('b.example.com', 'x', { env });
  assert.equal(userOf(found), 'two-b.example.com');
  assert.match(found?.origin ?? '', /docker-credential-two/);
  assert.equal(userOf(await findCredentials('docker.io', 'x/y', { env })), 'two-https://index.docker.io/v1/');
});

test('threat 77: a store that has nothing leaves the file’s own entry', async (t) => {
  const home = await folderOf(t);
  const env = {
    ...(await helper(home, 'none', 'echo "credentials not found in native keychain"; exit 1')),
    HOME: home,
  };
  await save(join(home, '.docker/config.json'), { auths: { a: login('file') }, credsStore: 'none' });
  assert.equal(userOf(await findCredentials('a', undefined, { env })), 'file');
  assert.equal(await findCredentials('b', undefined, { env }), undefined);
});

test('a helper’s <token> is an identity token', async (t) => {
  const env = await helper(
    await folderOf(t),
    'x',
    `echo '{"ServerURL":"a","Username":"<token>","Secret":"refresh"}'`,
  );
  assert.deepEqual(await askHelper('x', 'a', { env }), { kind: 'identity', token: 'refresh' });
});

test('a helper’s PATH and other variables are those given, and nothing else', async (t) => {
  const env = await helper(
    await folderOf(t),
    'x',
    `printf '{"Username":"u","Secret":"%s"}' "$(env | grep -c .)"`,
  );
  const found = await askHelper('x', 'a', { env });
  assert.ok(found?.kind === 'basic' && Number(found.password) <= 4, JSON.stringify(found));
});

for (const name of ['../evil', 'a/b', '', '-x', 'a;reboot', '$(x)', 'x'.repeat(65)]) {
  test(`threat 78: ${JSON.stringify(name.slice(0, 20))} is not run`, async () => {
    await assert.rejects(askHelper(name, 'a', { env: {} }), (error) => isAirgapError(error, 'REGISTRY_AUTH'));
  });
}

test('threat 78: a helper that is not there is named', async () => {
  await assert.rejects(
    askHelper('absent', 'a', { env: { PATH: '/nonexistent' } }),
    (error) => isAirgapError(error, 'REGISTRY_AUTH') && /docker-credential-absent/.test(error.found ?? ''),
  );
});

test('threat 78: a helper that hangs is ended, and so are its children', async (t) => {
  const env = await helper(await folderOf(t), 'slow', 'sleep 30');
  const started = performance.now();
  await assert.rejects(
    askHelper('slow', 'a', { env, timeout: 300 }),
    (error) => isAirgapError(error, 'REGISTRY_AUTH') && /did not answer/.test(error.message),
  );
  assert.ok(performance.now() - started < 20_000, `${performance.now() - started} ms`);
});

test('threat 78: endless output is cut', async (t) => {
  const env = await helper(await folderOf(t), 'loud', 'yes 0123456789');
  const started = performance.now();
  await assert.rejects(askHelper('loud', 'a', { env }), (error) => isAirgapError(error, 'REGISTRY_AUTH'));
  assert.ok(performance.now() - started < 20_000);
});

test('threat 78: what a failing helper prints is shown without secrets', async (t) => {
  const script = `echo '{"Username":"u","Secret":"hunter2hunter2"}'; echo 'password=hunter2hunter2 \x1b[31mbad' >&2; exit 3`;
  const env = await helper(await folderOf(t), 'leaky', script);
  await assert.rejects(askHelper('leaky', 'a', { env }), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_AUTH'));
    const shown = JSON.stringify({ message: error.message, found: error.found, hint: error.hint });
    assert.ok(!shown.includes('hunter2'), shown);
    assert.ok(!shown.includes('\\u001b'), shown);
    return true;
  });
});

for (const answer of ['', 'no json', '[]', '{"Username":1,"Secret":"x"}', '{"Username":"u"}']) {
  test(`threat 78: the answer ${answer || '(empty)'} is refused`, async (t) => {
    const env = await helper(await folderOf(t), 'odd', `printf '%s' '${answer}'`);
    await assert.rejects(askHelper('odd', 'a', { env }), (error) => isAirgapError(error, 'REGISTRY_AUTH'));
  });
}
