import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { judgeCa } from '../../../src/install/checks/ca.js';
import { judgeTlsSecret, type TlsFacts } from '../../../src/install/checks/tls.js';
import type { KubeObject } from '../../../src/kube/types.js';
import { object, ROW } from './support.js';

let folder: string;
const DAY = 24 * 3600_000;
const now = (): number => Date.now();

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'airgap-certificates-'));
  authority('root');
  authority('other');
  certificate('leaf', { by: 'root', names: ['runai.test', '*.wild.test'] });
  certificate('plain', { by: 'root', names: [] });
  certificate('short', { by: 'root', names: ['runai.test'], days: 10 });
});
after(() => rmSync(folder, { recursive: true, force: true }));

function openssl(...args: string[]): void {
  const ran = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
  assert.equal(ran.status, 0, ran.stderr);
}

function authority(name: string): void {
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    `${name}.key`,
    '-subj',
    `/CN=${name}`,
    '-days',
    '400',
    '-out',
    `${name}.crt`,
  );
}

function certificate(name: string, how: { by: string; names: string[]; days?: number }): void {
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  openssl('req', '-new', '-key', `${name}.key`, '-subj', '/CN=runai.test', '-out', `${name}.csr`);
  const names = how.names.map((one) => `DNS:${one}`).join(',');
  writeFileSync(join(folder, `${name}.ext`), names === '' ? '' : `subjectAltName=${names}\n`);
  const days = String(how.days ?? 300);
  const signer = ['-CA', `${how.by}.crt`, '-CAkey', `${how.by}.key`, '-CAcreateserial'];
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    ...signer,
    '-days',
    days,
    '-extfile',
    `${name}.ext`,
    '-out',
    `${name}.crt`,
  );
}

const file = (...names: string[]): string =>
  names.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const tls = (chain: string, key: string): KubeObject =>
  object('Secret', 'runai-backend-tls', { data: { 'tls.crt': base64(chain), 'tls.key': base64(key) } });
const judge = (more: Partial<TlsFacts>) =>
  judgeTlsSecret(ROW, {
    where: 'runai-backend/runai-backend-tls',
    trusted: '',
    now: now(),
    server: now(),
    domain: 'runai.test',
    ...more,
  });
const good = (): KubeObject => tls(file('leaf.crt', 'root.crt'), file('leaf.key'));

test('a whole chain with its key for this name passes, wildcards too', () => {
  assert.equal(judge({ secret: good() }).outcome, 'pass');
  assert.equal(judge({ secret: good(), domain: 'a.wild.test' }).outcome, 'pass');
  assert.equal(judge({ secret: good(), trusted: file('root.crt') }).outcome, 'pass');
});

test('missing, without key, unreadable: fail', () => {
  const missing = judge({});
  assert.equal(missing.outcome, 'fail');
  assert.match(missing.advice ?? '', /kubectl create secret tls runai-backend-tls -n runai-backend/);
  assert.match(judge({ secret: tls(file('leaf.crt'), '') }).seen, /lacks tls.key/);
  assert.equal(judge({ secret: tls('nonsense', file('leaf.key')) }).outcome, 'fail');
  assert.match(judge({ secret: tls(file('leaf.crt', 'root.crt'), 'nonsense') }).seen, /key cannot be read/);
});

test('another key, another name, no names at all: fail', () => {
  assert.match(
    judge({ secret: tls(file('leaf.crt', 'root.crt'), file('plain.key')) }).seen,
    /another certificate’s/,
  );
  const named = judge({ secret: good(), domain: 'other.test' });
  assert.equal(named.outcome, 'fail');
  assert.match(named.seen, /made for runai.test, \*.wild.test, not for other.test/);
  assert.equal(judge({ secret: good(), domain: 'a.b.wild.test' }).outcome, 'fail');
  assert.match(
    judge({ secret: tls(file('plain.crt', 'root.crt'), file('plain.key')) }).seen,
    /no subject alternative/,
  );
});

test('expired or not yet valid by either clock fails and shows both; soon to expire warns', () => {
  const late = judge({ secret: good(), now: now() + 500 * DAY });
  assert.equal(late.outcome, 'fail');
  assert.match(late.seen, /expired on .* \(this machine says 20.*, the API server 20/);
  assert.match(judge({ secret: good(), server: now() - 500 * DAY }).seen, /not valid before/);
  const soon = judge({ secret: tls(file('short.crt', 'root.crt'), file('short.key')) });
  assert.equal(soon.outcome, 'warn');
  assert.match(soon.seen, /expires on/);
});

test('a chain in the wrong order, without its root, under another CA', () => {
  const swapped = tls(file('root.crt', 'leaf.crt'), file('root.key'));
  assert.match(judge({ secret: swapped, domain: 'root' }).seen, /is not signed by the certificate after it/);
  const open = tls(file('leaf.crt'), file('leaf.key'));
  assert.equal(judge({ secret: open }).outcome, 'warn');
  assert.equal(judge({ secret: open, trusted: file('root.crt') }).outcome, 'pass');
  assert.equal(judge({ secret: open, trusted: file('other.crt') }).outcome, 'fail');
  assert.equal(judge({ secret: good(), trusted: file('other.crt') }).outcome, 'fail');
});

const ca = (pem: string | undefined): KubeObject | undefined =>
  pem === undefined
    ? undefined
    : object('Secret', 'runai-ca-cert', { data: { 'runai-ca.pem': base64(pem) } });
const judgeCas = (...pems: (string | undefined)[]) =>
  judgeCa({ secrets: new Map(pems.map((pem, index) => [`n${index}`, ca(pem)])), now: now() });

test('the CA secret: there in every namespace, readable, a CA, the same, in date', () => {
  assert.equal(judgeCas(file('root.crt'), file('root.crt')).outcome, 'pass');
  assert.match(judgeCas(file('root.crt'), undefined).seen, /there is no secret n1\/runai-ca-cert/);
  assert.match(judgeCas('x').seen, /no certificate under runai-ca.pem/);
  assert.match(judgeCas(file('leaf.crt')).seen, /is not a CA/);
  assert.match(judgeCas(file('root.crt'), file('other.crt')).seen, /different CAs/);
  const old = judgeCa({ secrets: new Map([['n', ca(file('root.crt'))]]), now: now() + 500 * DAY });
  assert.match(old.seen, /expired on/);
});
