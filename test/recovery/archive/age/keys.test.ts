import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirgapError } from '../../../../src/errors.js';
import { decodeBech32, encodeBech32 } from '../../../../src/recovery/archive/age/bech32.js';
import { formatHeader, parseHeader, type Stanza } from '../../../../src/recovery/archive/age/header.js';
import {
  generateIdentity,
  parseIdentityFile,
  parseRecipient,
  parseRecipientFile,
  parseSecret,
  recipientOf,
  writeIdentityFile,
} from '../../../../src/recovery/archive/age/keys.js';
import { shapeOf } from '../../../../src/recovery/archive/age/stream.js';
import { temporaryFolder } from '../helpers.js';

const isKeyFault = (error: unknown): boolean => isAirgapError(error, 'BACKUP_KEY');

test('bech32: any bytes come back, and any other text is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), fc.nat(30), (bytes, at, shift) => {
      const text = encodeBech32('age', bytes);
      assert.deepEqual(decodeBech32('age', text), Buffer.from(bytes));
      assert.deepEqual(decodeBech32('age', text.toUpperCase()), Buffer.from(bytes));
      assert.equal(decodeBech32('bge', text), undefined);
      const alphabet = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
      const place = 4 + (at % (text.length - 4));
      const old = alphabet.indexOf(text[place] as string);
      const other = alphabet[(old + 1 + shift) % 32] as string;
      assert.equal(decodeBech32('age', text.slice(0, place) + other + text.slice(place + 1)), undefined);
    }),
  );
  assert.equal(decodeBech32('age', `${encodeBech32('age', Buffer.alloc(3)).slice(0, -1)}Q`), undefined);
  assert.equal(decodeBech32('', '1'), undefined);
});

test('BIP 173: valid and invalid strings of the standard', () => {
  assert.deepEqual(decodeBech32('a', 'A12UEL5L'), Buffer.alloc(0));
  assert.ok(decodeBech32('abcdef', 'abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw'));
  for (const wrong of ['A1G7SGD8', 'A12uEL5L', 'a12uel5m', 'de1lg7wt\u007f']) {
    assert.equal(decodeBech32('a', wrong), undefined, wrong);
  }
});

test('keys have the letters of age and only those', () => {
  const { secret, recipient } = generateIdentity();
  assert.match(secret, /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/);
  assert.match(recipient, /^age1[02-9ac-hj-np-z]{58}$/);
  assert.equal(recipientOf(secret), recipient);
  assert.equal(parseSecret(secret.toLowerCase()), undefined);
  assert.equal(parseRecipient(recipient.toUpperCase()), undefined);
  assert.equal(parseRecipient(encodeBech32('age', Buffer.alloc(31))), undefined);
  assert.equal(parseSecret(encodeBech32('age-secret-key-', Buffer.alloc(33)).toUpperCase()), undefined);
  assert.throws(() => recipientOf(recipient), isKeyFault);
});

test('threat 136: key files are read line by line, and no fault shows what stands in them', () => {
  const [one, two] = [generateIdentity(), generateIdentity()];
  const text = `# created: x\r\n# public key: ${one.recipient}\r\n${one.secret}\r\n\n  ${two.secret}  \n`;
  assert.deepEqual(parseIdentityFile(text, 'k'), [one.secret, two.secret]);
  assert.deepEqual(parseRecipientFile(`${one.recipient}\n# x\n${two.recipient}`, 'r'), [
    one.recipient,
    two.recipient,
  ]);
  const damaged = `${one.secret.slice(0, -1)}${one.secret.endsWith('Q') ? 'P' : 'Q'}`;
  for (const wrong of ['', '# nothing\n', `${one.secret}\n${damaged}`, one.recipient]) {
    assert.throws(
      () => parseIdentityFile(wrong, 'k'),
      (error) => {
        assert.ok(isKeyFault(error));
        assert.ok(!JSON.stringify({ ...(error as Error), m: String(error) }).includes(damaged.slice(0, 30)));
        return true;
      },
    );
  }
  assert.throws(() => parseRecipientFile(one.secret, 'r'), isKeyFault);
});

test('threat 95: an identity file is for its owner only and is never written over', async (t) => {
  const path = join(await temporaryFolder(t), 'key.txt');
  const identity = generateIdentity();
  await writeIdentityFile(path, identity, '2026-11-21T10:00:00Z');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await assert.rejects(writeIdentityFile(path, generateIdentity(), 'x'), (error) =>
    isAirgapError(error, 'OUTPUT_UNWRITABLE'),
  );
  assert.deepEqual(parseIdentityFile(readFileSync(path, 'utf8'), path), [identity.secret]);
});

test('threat 138: a header comes back whatever the lengths of its recipients, and any other text is refused', () => {
  const stanza = fc.record(
    {
      type: fc.constantFrom('X25519', 'scrypt', 'joint'),
      args: fc.array(fc.stringMatching(/^[!-~]{1,8}$/), { maxLength: 3 }),
      body: fc.uint8Array({ maxLength: 150 }).map((bytes) => Buffer.from(bytes)),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(stanza, { minLength: 1, maxLength: 4 }), (stanzas: Stanza[]) => {
      const bytes = formatHeader(stanzas, Buffer.alloc(16, 1));
      const parsed = parseHeader(Buffer.concat([bytes, Buffer.from('payload')]));
      assert.ok(typeof parsed !== 'string');
      assert.deepEqual(parsed.stanzas, stanzas);
      assert.equal(parsed.length, bytes.length);
      for (let cut = 0; cut < bytes.length; cut += 7) {
        assert.equal(typeof parseHeader(bytes.subarray(0, cut)), 'string');
      }
    }),
    { numRuns: 50 },
  );
});

test('threat 138: payloads have certain lengths only', () => {
  const whole = 65_552;
  for (const wrong of [-1, 0, 15, whole + 1, whole + 15, whole + 16, 2 * whole + 16]) {
    assert.equal(shapeOf(wrong), undefined, `${wrong}`);
  }
  assert.deepEqual(shapeOf(16), { chunks: 1, size: 0 });
  assert.deepEqual(shapeOf(whole), { chunks: 1, size: 65_536 });
  assert.deepEqual(shapeOf(whole + 17), { chunks: 2, size: 65_537 });
});
