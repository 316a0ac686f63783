import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { printable, redact } from '../src/redact.js';

const rows: readonly [string, string, string][] = [
  [
    'user and password in a URL',
    'GET https://joe:s3cret@reg.example/v2/',
    'GET https://[redacted]@reg.example/v2/',
  ],
  ['a password with @ and : in it', 'https://joe:p@ss:w@reg/x', 'https://[redacted]@reg/x'],
  ['a URL without credentials stays', 'https://reg.example/v2/?n=5', 'https://reg.example/v2/?n=5'],
  ['an @ in the path is no credential', 'https://reg/v2/x@sha256:ab', 'https://reg/v2/x@sha256:ab'],
  ['a bearer header', 'Authorization: Bearer abc.def.ghi', 'Authorization: Bearer [redacted]'],
  ['a basic header in JSON', '"authorization":"Basic am9lOnA="', '"authorization":"Basic [redacted]"'],
  [
    'the state of an upload URL',
    '/v2/x/blobs/uploads/1?_state=AAA&digest=sha256:b',
    '/v2/x/blobs/uploads/1?_state=[redacted]&digest=sha256:b',
  ],
  [
    'a signed URL',
    'https://s3/x?X-Amz-Signature=abc&partNumber=1',
    'https://s3/x?X-Amz-Signature=[redacted]&partNumber=1',
  ],
  ['a YAML pair', 'postgresPassword: hunter22', 'postgresPassword: [redacted]'],
  [
    'a helm setting',
    'controlPlane.clientSecret=abcd,other=1',
    'controlPlane.clientSecret=[redacted],other=1',
  ],
];

for (const [name, text, expected] of rows) {
  test(`threat 137: redact, ${name}`, () => assert.equal(redact(text), expected));
}

test('threat 136: a private key never stays, whole or cut', () => {
  const whole = 'a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb';
  assert.equal(redact(whole), 'a\n[redacted]\nb');
  assert.equal(redact('x -----BEGIN PRIVATE KEY-----\nMIIE'), 'x [redacted]');
});

test('redact takes out values that are known to be secret', () => {
  assert.equal(
    redact('token was tok-123456 twice tok-123456', ['tok-123456']),
    'token was [redacted] twice [redacted]',
  );
});

test('threat 136: redact takes the value of a secret out in the forms that it travels in', () => {
  const secret = 'p"s:w\\r/ü 1+';
  const base64 = Buffer.from(secret).toString('base64');
  const inside = Buffer.from(`{"auth":"x${secret}y"}`).toString('base64');
  for (const form of [
    secret,
    JSON.stringify(secret).slice(1, -1),
    base64,
    base64.replace(/=+$/, ''),
    encodeURIComponent(secret),
  ])
    assert.equal(redact(`it is ${form}.`, [secret]), 'it is [redacted].', form);
  const rest = redact(inside, [secret]);
  assert.match(rest, /\[redacted\]/);
  assert.ok(!Buffer.from(rest.replace('[redacted]', ''), 'base64').includes('s:w'));
});

const unlabelled: readonly [string, string, string][] = [
  ['an age identity', 'key AGE-SECRET-KEY-1QQPQYQSZ0 x', 'key [redacted] x'],
  ['a password hash of PostgreSQL', "PASSWORD 'SCRAM-SHA-256$4096:a/b=$c+d=:e='", "PASSWORD '[redacted]'"],
  ['a token of a service account', 'got eyJhbGciOi.eyJpc3Mi.c2ln-_x now', 'got [redacted] now'],
  [
    'a private key as a Secret holds it',
    `"x":"${Buffer.from('-----BEGIN PRIVATE KEY-----\nMIIE').toString('base64')}"`,
    '"x":"[redacted]"',
  ],
  ['a login of a registry', '{"auths":{"r":{"auth":"am9lOnA="}}}', '{"auths":{"r":{"auth":"[redacted]"}}}'],
  ['a token of a registry', '{"registrytoken":"abc","x":1}', '{"registrytoken":"[redacted]","x":1}'],
  [
    'a Secret’s data',
    '"tls.key":"QUJD",".dockerconfigjson":"QUJD"',
    '"tls.key":"[redacted]",".dockerconfigjson":"[redacted]"',
  ],
  [
    'the document that a decoder shows',
    'illegal base64, error found in #10 byte of ...|":"hunter2"}|..., bigger context ...|{"data":{"pw":"hunter2"}|...',
    'illegal base64, error found in #10 byte of [redacted]',
  ],
];
for (const [name, text, expected] of unlabelled)
  test(`threat 136: redact, ${name}`, () => assert.equal(redact(text), expected));

test('redact is fast on hostile input', () => {
  const started = process.cpuUsage();
  redact(`${'://'.repeat(100_000)}@`);
  redact(`https://${'a:'.repeat(200_000)}`);
  redact('eyJ'.repeat(100_000));
  redact('error found in #1 byte of ...|'.repeat(20_000));
  redact('-----BEGIN PRIVATE KEY-----'.repeat(20_000));
  assert.ok(process.cpuUsage(started).user < 2_000_000);
});

test('threat 54: printable takes terminal escapes and overrides out', () => {
  assert.equal(printable('\x1b[31mPASSED\x1b[0m \x1b]0;title\x07ok'), 'PASSED ok');
  assert.equal(printable('a\u202eb\x9bc\rd'), 'abcd');
  assert.equal(printable('x'.repeat(30), 10), 'xxxxxxxxxx… (20 more characters)');
});

test('printable leaves no control character but newline and tab', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      assert.doesNotMatch(printable(text, 10_000), /[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }),
  );
});
