import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import type { ServerOptions } from 'node:https';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import type { AirgapEvent } from '../../src/events.js';
import type { RegistryOptions } from '../../src/oci/client.js';
import { createRegistry } from '../../src/oci/registry.js';
import { tlsFaultOf } from '../../src/oci/tls-errors.js';
import { type Authority, makeAuthority, pem } from './support/certs.js';
import { FakeRegistry } from './support/fake-registry.js';

const authority: Authority = makeAuthority();
after(() => authority.remove());
const good = authority.issue('good');
const expired = authority.issue('expired', { days: -1 });
const otherName = authority.issue('other', { san: 'DNS:other.example.com' });
const client = authority.issue('client', { san: 'DNS:client', usage: 'clientAuth' });

async function ping(
  t: TestContext,
  server: ServerOptions,
  options: Partial<RegistryOptions> = {},
): Promise<void> {
  const fake = await FakeRegistry.start(server);
  const registry = createRegistry(fake.host, { env: {}, retries: 1, retryDelay: 5, ...options });
  t.after(async () => {
    await registry.close();
    await fake.close();
  });
  await registry.ping();
}

const { caFile } = authority;
const tlsError = (pattern: RegExp) => (error: unknown) => {
  assert.ok(isAirgapError(error, 'REGISTRY_TLS'), String(error));
  assert.equal(error.exitStatus, 5);
  assert.match(`${error.message} ${error.hint}`, pattern);
  return true;
};

test('threat 73: a private CA is refused without --ca-file and taken with it', async (t) => {
  await assert.rejects(ping(t, pem(good)), tlsError(/--ca-file/));
  await ping(t, pem(good), { caFile });
});

test('threat 73: SSL_CERT_FILE and SSL_CERT_DIR are looked at', async (t) => {
  await ping(t, pem(good), { env: { SSL_CERT_FILE: caFile } });
  const folder = join(authority.folder, 'dir');
  await mkdir(folder, { recursive: true });
  await copyFile(caFile, join(folder, 'x.pem'));
  await writeFile(join(folder, 'README'), 'no certificate');
  await ping(t, pem(good), { env: { SSL_CERT_DIR: `/nonexistent:${folder}` } });
});

test('threat 73: certs.d of the registry is looked at, and not that of another', async (t) => {
  const fake = await FakeRegistry.start(pem(good));
  t.after(() => fake.close());
  const certsDir = join(authority.folder, 'certs.d');
  await mkdir(join(certsDir, 'other.example.com'), { recursive: true });
  await copyFile(caFile, join(certsDir, 'other.example.com', 'ca.crt'));
  const attempt = async (): Promise<void> => {
    const registry = createRegistry(fake.host, { env: {}, certsDir });
    await registry.ping().finally(() => registry.close());
  };
  await assert.rejects(attempt(), tlsError(/certs\.d/));
  await mkdir(join(certsDir, fake.host), { recursive: true });
  await copyFile(caFile, join(certsDir, fake.host, 'ca.crt'));
  await attempt();
});

test('threat 73: an expired certificate', async (t) => {
  await assert.rejects(ping(t, pem(expired), { caFile }), tlsError(/has expired.*clock/s));
});

test('threat 73: a certificate for another name', async (t) => {
  await assert.rejects(ping(t, pem(otherName), { caFile }), tlsError(/another name/));
});

test('threat 73: a registry with nothing newer than TLS 1.1', async (t) => {
  const old = {
    ...pem(good),
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
  } as const;
  await assert.rejects(ping(t, old, { caFile }), tlsError(/TLS/));
});

test('threat 73: --insecure-skip-tls-verify is what it says', async (t) => {
  await ping(t, pem(expired), { insecureSkipTlsVerify: true });
});

test('threat 72: plain HTTP is never tried by itself, and the flag is named', async (t) => {
  const fake = await FakeRegistry.start();
  t.after(() => fake.close());
  const registry = createRegistry(fake.host, { env: {} });
  await assert.rejects(registry.ping(), tlsError(/--plain-http/));
  assert.equal(fake.seen.length, 0);
  await registry.close();
});

test('threat 74: a client certificate is sent when it is given, and missed when it is not', async (t) => {
  const server: ServerOptions = {
    ...pem(good),
    ca: pem({ certFile: caFile, keyFile: good.keyFile }).cert,
    requestCert: true,
  };
  await chmod(client.keyFile, 0o600);
  await assert.rejects(ping(t, { ...server, rejectUnauthorized: true }, { caFile }), (error) => {
    assert.ok(isAirgapError(error), String(error));
    assert.equal(error.exitStatus, 5);
    return true;
  });
  await ping(t, { ...server, rejectUnauthorized: true }, { caFile, clientCert: client });
  const oldTls = { ...server, rejectUnauthorized: true, maxVersion: 'TLSv1.2' } as const;
  await ping(t, oldTls, { caFile, clientCert: client });
});

test('threat 74: certificate and key of certs.d are used', async (t) => {
  const ca = pem({ certFile: caFile, keyFile: good.keyFile }).cert;
  const fake = await FakeRegistry.start({ ...pem(good), ca, requestCert: true, rejectUnauthorized: true });
  const certsDir = join(authority.folder, 'certs2.d');
  const folder = join(certsDir, fake.host);
  await mkdir(folder, { recursive: true });
  await copyFile(caFile, join(folder, 'ca.crt'));
  await copyFile(client.certFile, join(folder, 'client.cert'));
  await copyFile(client.keyFile, join(folder, 'client.key'));
  const registry = createRegistry(fake.host, { env: {}, certsDir });
  t.after(async () => {
    await registry.close();
    await fake.close();
  });
  await registry.ping();
});

test('threat 74: a private key that others can read is warned of', async (t) => {
  const loose = join(authority.folder, 'loose.key');
  await copyFile(client.keyFile, loose);
  await chmod(loose, 0o644);
  const events: AirgapEvent[] = [];
  const clientCert = { certFile: client.certFile, keyFile: loose };
  await ping(t, pem(good), { caFile, clientCert, emit: (event) => events.push(event) });
  assert.match(JSON.stringify(events), /chmod 600/);
  await rm(loose);
});

test('files that are missing or no PEM are named', async (t) => {
  await assert.rejects(ping(t, pem(good), { caFile: '/nonexistent/ca.crt' }), (error) =>
    isAirgapError(error, 'FILE_NOT_FOUND'),
  );
  const clientCert = { certFile: good.certFile, keyFile: client.keyFile };
  await assert.rejects(ping(t, pem(good), { caFile, clientCert }), tlsError(/belong together/));
});

for (const [code, pattern] of [
  ['CA_MD_TOO_WEAK', /SHA-1/],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /chain/],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', /signed by itself/],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', /client certificate/],
  ['ERR_SSL_SOMETHING_NEW', /ERR_SSL_SOMETHING_NEW/],
] as const) {
  test(`threat 73: ${code} has a class of its own`, () =>
    assert.match(tlsFaultOf(code)?.what ?? '', pattern));
}

test('errors that are not of TLS have no class', () => {
  for (const code of [undefined, 'ECONNREFUSED', 'ENOTFOUND']) assert.equal(tlsFaultOf(code), undefined);
});
