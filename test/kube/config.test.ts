import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { AirgapError } from '../../src/errors.js';
import { connect } from '../../src/kube/client.js';
import { loadTarget } from '../../src/kube/config.js';
import { makeAuthority } from '../oci/support/certs.js';
import { fakeServer, status } from './support/api.js';

const folder = mkdtempSync(join(tmpdir(), 'airgap-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Entry {
  readonly context: string;
  readonly server: string;
}

function config(name: string, entries: readonly Entry[], current?: string): string {
  const file = join(folder, name);
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    ...(current === undefined ? {} : { 'current-context': current }),
    clusters: entries.map(({ context, server }) => ({ name: `c-${context}`, cluster: { server } })),
    users: entries.map(({ context }) => ({ name: `u-${context}`, user: {} })),
    contexts: entries.map(({ context }) => ({
      name: context,
      context: { cluster: `c-${context}`, user: `u-${context}` },
    })),
  };
  writeFileSync(file, JSON.stringify(content));
  return file;
}

const refused = (pattern: RegExp) => (error: AirgapError) => {
  assert.equal(error.code, 'CLUSTER_CONFIG');
  assert.match([error.message, error.expected, error.found, error.hint].join(' | '), pattern);
  return true;
};

test('threat 96: a context that is not there is answered with the ones that are', async () => {
  const kubeconfig = config('one', [
    { context: 'prod', server: 'https://p:6443' },
    { context: 'stage', server: 'https://s:6443' },
  ]);
  await assert.rejects(
    loadTarget({ kubeconfig, context: 'produ', env: {} }),
    refused(/no context produ.*prod, stage/),
  );
  await assert.rejects(loadTarget({ kubeconfig, env: {} }), refused(/no current context.*prod, stage/));
  const target = await loadTarget({ kubeconfig, context: 'stage', env: {} });
  assert.deepEqual([target.context, target.server, target.files], ['stage', 'https://s:6443', [kubeconfig]]);
});

test('KUBECONFIG names several files: the first of two entries with one name counts, missing files do not', async () => {
  const first = config('first', [{ context: 'a', server: 'https://first:6443' }]);
  const second = config(
    'second',
    [
      { context: 'a', server: 'https://other:6443' },
      { context: 'b', server: 'https://b:6443' },
    ],
    'a',
  );
  const env = { KUBECONFIG: `${join(folder, 'none')}:${first}:${second}` };
  assert.equal((await loadTarget({ env })).server, 'https://first:6443');
  assert.equal((await loadTarget({ env, context: 'b' })).server, 'https://b:6443');
  assert.deepEqual((await loadTarget({ env })).files, [first, second]);
  await assert.rejects(loadTarget({ env: { KUBECONFIG: '/nowhere/x' } }), refused(/KUBECONFIG/));
});

test('~/.kube/config is the last place, and none of them is said', async () => {
  const home = join(folder, 'home');
  mkdirSync(join(home, '.kube'), { recursive: true });
  await assert.rejects(loadTarget({ env: { HOME: home } }), refused(/no kubeconfig/));
  const file = config('home/.kube/config', [{ context: 'h', server: 'https://h:6443' }], 'h');
  assert.deepEqual((await loadTarget({ env: { HOME: home } })).files, [file]);
  await assert.rejects(loadTarget({ kubeconfig: '/nowhere', env: { HOME: home } }), refused(/\/nowhere/));
});

test('a kubeconfig that is no YAML, or whose context leads nowhere, is told', async () => {
  const bad = join(folder, 'bad');
  writeFileSync(bad, 'clusters: [\n');
  await assert.rejects(loadTarget({ kubeconfig: bad, env: {} }), refused(/cannot be understood/));
  const broken = join(folder, 'broken');
  writeFileSync(
    broken,
    JSON.stringify({
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'no', user: 'no' } }],
    }),
  );
  await assert.rejects(
    loadTarget({ kubeconfig: broken, env: {} }),
    refused(/names a cluster that is not there/),
  );
});

test('threat 97: an expired token is fetched anew from the exec plugin, once', async () => {
  const counter = join(folder, 'calls');
  const plugin = join(folder, 'plugin');
  writeFileSync(counter, '');
  writeFileSync(
    plugin,
    `#!/bin/sh\necho x >> ${counter}\necho '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t'$(wc -l < ${counter} | tr -d ' ')'"}}'\n`,
  );
  chmodSync(plugin, 0o755);
  const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: plugin } };
  const fake = await fakeServer(
    ({ headers }) =>
      headers.authorization === 'Bearer t2'
        ? { json: { gitVersion: 'v1.30.0' } }
        : status(401, 'Unauthorized', 'expired'),
    { user },
  );
  const client = await fake.connect();
  assert.equal((await client.version()).gitVersion, 'v1.30.0');
  await client.version();
  assert.equal(
    readFileSync(counter, 'utf8').split('\n').length - 1,
    2,
    'one call for each login, not for each request',
  );
  await fake.close();
});

test('threat 97: a plugin that fails, and a login that stays refused, are told without a retry', async () => {
  const user = {
    exec: {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'sh',
      args: ['-c', 'echo token=geheim1 not logged in >&2; exit 1'],
    },
  };
  const fake = await fakeServer(() => status(401, 'Unauthorized', 'no'), { user });
  const client = await fake.connect();
  await assert.rejects(client.version(), refused(/credentials of context test.*not logged in/));
  await fake.close();
  const other = await fakeServer(() => status(401, 'Unauthorized', 'no'));
  await assert.rejects(
    (await other.connect()).version(),
    (error: AirgapError) => error.code === 'CLUSTER_DENIED',
  );
  assert.equal(other.seen.length, 2, 'the request, and once more with fresh credentials');
  await other.close();
});

test('TLS: the CA of the kubeconfig, client certificates, and a foreign CA', async () => {
  const authority = makeAuthority();
  const other = makeAuthority();
  const { certFile, keyFile } = authority.issue('server');
  const client = authority.issue('client', { usage: 'clientAuth' });
  const tls = {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
    ca: readFileSync(authority.caFile),
    requestCert: true,
  };
  const fake = await fakeServer(() => ({ json: { gitVersion: 'v1.30.0' } }), {
    tls,
    cluster: { 'certificate-authority': authority.caFile },
    user: { 'client-certificate': client.certFile, 'client-key': client.keyFile },
  });
  assert.equal((await (await fake.connect()).version()).gitVersion, 'v1.30.0');
  const wrong = config('tls', [{ context: 'w', server: fake.url }], 'w');
  const patched = JSON.parse(readFileSync(wrong, 'utf8'));
  patched.clusters[0].cluster['certificate-authority'] = other.caFile;
  writeFileSync(wrong, JSON.stringify(patched));
  const stranger = await connect({ kubeconfig: wrong, env: {}, retryDelay: 5 });
  await assert.rejects(stranger.version(), (error: AirgapError) => {
    assert.equal(error.code, 'CLUSTER_UNREACHABLE');
    assert.match(error.message, /TLS/);
    assert.match(error.hint, /certificate-authority/);
    return true;
  });
  stranger.close();
  await fake.close();
  authority.remove();
  other.remove();
});

test('threat 136: no token and no password reaches an error of the client', async () => {
  const fake = await fakeServer(() => status(403, 'Forbidden', 'User "u" cannot list resource "pods"'), {
    user: { token: 'canary-token-123456', username: 'admin', password: 'canary-pass-123456' },
  });
  const client = await fake.connect();
  await assert.rejects(client.groups(), (error: AirgapError) => {
    const all = JSON.stringify([error.message, error.found, error.hint, error.faults, error.stack]);
    assert.doesNotMatch(all, /canary/);
    return true;
  });
  await fake.close();
});
