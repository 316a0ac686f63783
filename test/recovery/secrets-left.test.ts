import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { KubeObject } from '../../src/kube/types.js';
import { chooseSecrets } from '../../src/recovery/secrets-left.js';

const folder = mkdtempSync(join(tmpdir(), 'airgap-secrets-left-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A certificate for these names, made by openssl. */
function certificate(...names: string[]): string {
  const file = join(folder, `${names[0]?.replace('*', 'star')}.crt`);
  const subject = names.map((name) => `DNS:${name}`).join(',');
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '9',
  ];
  const ran = spawnSync('openssl', [
    ...args,
    ...['-subj', '/CN=x', '-addext', `subjectAltName=${subject}`, '-keyout', `${file}.key`, '-out', file],
  ]);
  assert.equal(ran.status, 0, String(ran.stderr));
  return readFileSync(file, 'utf8');
}

function secret(name: string, data: Record<string, string>): KubeObject {
  const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
  return { kind: 'Secret', metadata: { name, namespace: 'runai' }, data: Object.fromEntries(encoded) };
}

const login = (...hosts: string[]): Record<string, string> => ({
  '.dockerconfigjson': JSON.stringify({
    auths: Object.fromEntries(hosts.map((host) => [host, { auth: 'x' }])),
  }),
});
const domain = { from: 'runai.test', to: 'new.test' };
const registry = { from: 'old:5000/x', to: 'new:5000' };

describe('threat 130: secrets of a site that is called otherwise', () => {
  it('a certificate of the old name stays away where there is one, and is put back with a word where there is none', () => {
    const tls = secret('tls', { 'tls.crt': certificate('runai.test') });
    const [kept] = chooseSecrets([tls], { domain }, new Set(['runai/tls']));
    assert.equal(kept?.put, 'left');
    const [back] = chooseSecrets([tls], { domain }, new Set());
    assert.equal(back?.put, 'back');
    assert.match(back?.why ?? '', /certificate is for runai\.test, not for new\.test/);
    const star = secret('star', { 'tls.crt': certificate('*.runai.test') });
    assert.equal(chooseSecrets([star], { domain }, new Set(['runai/star']))[0]?.put, 'left');
  });

  it('a certificate that holds for both, for neither, or that is none, is put back without a word', () => {
    const secrets = [
      secret('both', { 'tls.crt': certificate('new.test', 'runai.test') }),
      secret('webhook', { 'tls.crt': certificate('webhook.runai.svc') }),
      secret('broken', { 'tls.crt': 'no certificate' }),
      secret('password', { password: 'runai.test' }),
    ];
    const present = new Set(secrets.map(({ metadata }) => `runai/${metadata.name}`));
    assert.deepEqual(chooseSecrets(secrets, { domain }, present), []);
  });

  it('a login for the old registry is never put back, others are', () => {
    const secrets = [
      secret('old', login('old:5000')),
      secret('url', login('https://old:5000/v2/')),
      secret('both', login('old:5000', 'new:5000')),
      secret('other', login('hub.example.com')),
      secret('broken', { '.dockerconfigjson': '{' }),
    ];
    const choices = chooseSecrets(secrets, { registry }, new Set());
    assert.deepEqual(
      choices.map(({ secret: name, put }) => [name, put]),
      [
        ['runai/old', 'left'],
        ['runai/url', 'left'],
      ],
    );
    assert.ok(choices.every(({ why }) => !why.includes('auth')));
  });

  it('a site with the same names gets all of them', () => {
    assert.deepEqual(chooseSecrets([secret('old', login('old:5000'))], {}, new Set()), []);
  });
});
