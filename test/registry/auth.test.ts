import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AuthPolicy, checkAuth, parseUsers } from '../../src/registry/auth.js';
import { Refusal } from '../../src/registry/refusal.js';

const { users } = parseUsers('# site\n\nann:pass:with:colons\nbob:üñ\r\n');
const strict: AuthPolicy = { users, anonymousPull: false };
const open: AuthPolicy = { users, anonymousPull: true };
const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test('users are read, faulty lines are named', () => {
  assert.deepEqual([...users.keys()], ['ann', 'bob']);
  assert.deepEqual(parseUsers('ann:x\nnobody\n:x\nbob:\n').faults, [2, 3, 4]);
});

test('the ping is never free: its challenge makes clients send their password', () => {
  const ping = { method: 'GET', isPing: true };
  assert.throws(() => checkAuth(open, { ...ping, authorization: undefined }), Refusal);
  checkAuth(open, { ...ping, authorization: basic('bob:üñ') });
});

const CASES: readonly (readonly [string, AuthPolicy, string, string | undefined, boolean])[] = [
  ['right password', strict, 'PUT', basic('ann:pass:with:colons'), true],
  ['right password beyond ASCII', strict, 'GET', basic('bob:üñ'), true],
  ['scheme in lower case', strict, 'GET', basic('bob:üñ').replace('Basic', 'basic'), true],
  ['wrong password', strict, 'GET', basic('ann:pass'), false],
  ['unknown user', strict, 'GET', basic('eve:pass'), false],
  ['no password', strict, 'GET', basic('ann'), false],
  ['nothing', strict, 'GET', undefined, false],
  ['nonsense', strict, 'GET', 'Basic ???', false],
  ['a bearer token', strict, 'GET', 'Bearer abc', false],
  ['anonymous pull', open, 'GET', undefined, true],
  ['anonymous pull with empty credentials, as skopeo sends them', open, 'GET', basic(':'), true],
  ['empty credentials where a password is needed', strict, 'GET', basic(':'), false],
  ['anonymous look', open, 'HEAD', undefined, true],
  ['anonymous push', open, 'PUT', undefined, false],
  ['anonymous session', open, 'POST', undefined, false],
  ['anonymous delete', open, 'DELETE', undefined, false],
  ['wrong password on an anonymous pull', open, 'GET', basic('ann:x'), false],
];

for (const [what, policy, method, header, passes] of CASES) {
  test(`auth: ${what} ${passes ? 'passes' : 'is refused'}`, () => {
    if (passes) {
      checkAuth(policy, { method, isPing: false, authorization: header });
      return;
    }
    assert.throws(
      () => checkAuth(policy, { method, isPing: false, authorization: header }),
      (error) => error instanceof Refusal && error.status === 401 && 'WWW-Authenticate' in error.headers,
    );
  });
}
