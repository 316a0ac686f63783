import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AirgapError, isAirgapError } from '../../src/errors.js';
import type { KubeClient } from '../../src/kube/types.js';
import { wholeLines } from '../../src/recovery/answer.js';
import { readMade } from '../../src/recovery/before-swap.js';
import { countServer } from '../../src/recovery/count-rows.js';
import { parseRights } from '../../src/recovery/external-rights.js';
import { readState } from '../../src/recovery/steps/server.js';

const target = { namespace: 'n', pod: 'p', container: 'c' };
const signal = new AbortController().signal;
/** What every program prints. */
const client = (text: string): Pick<KubeClient, 'exec'> => ({
  exec: async () => ({ exitCode: 0, stdout: Buffer.from(text), stderr: '', protocol: '' }),
});
const server = (text: string) => ({ client: client(text), target, user: 'u', password: 'p', signal });
const database = {
  target,
  user: 'u',
  password: 'p',
  passwordFrom: '',
  image: '',
  pullSecrets: [],
  claims: [],
};

const ANSWERS = [
  [
    'databases and roles',
    'RESTORE_FAILED',
    '{"databases" : {"backend" : "hid\\"den"}, "roles" : ["u"]}',
    readState,
  ],
  [
    'data directory',
    'RESTORE_FAILED',
    '{"age" : 1, "system" : "hidden", "oids" : {"backend" : "hidden"}}',
    readMade,
  ],
  [
    'list of databases',
    'BACKUP_FAILED',
    '{"server":"hidden","databases":[]}',
    (of: ReturnType<typeof server>) => countServer({ client: of.client, database, signal }),
  ],
] as const;

for (const [asked, code, whole, read] of ANSWERS)
  test(`threat 136: an answer about the ${asked} that is cut anywhere is told with what was asked, without its values`, async () => {
    await read(server(whole));
    for (let end = 0; end < whole.length; end++)
      await assert.rejects(read(server(whole.slice(0, end))), (error: AirgapError) => {
        assert.ok(isAirgapError(error, code), String(error));
        assert.match(error.message, new RegExp(`${asked}.* did not arrive whole`));
        assert.match(error.found ?? '', new RegExp(`^${end} characters`));
        assert.doesNotMatch(
          JSON.stringify([error.message, error.expected, error.found, error.hint]),
          /hid|den"/,
        );
        return true;
      });
    await assert.rejects(read(server('bash: psql: not found')), (error: AirgapError) => {
      assert.match(error.found ?? '', /: bash: psql: not found$/);
      return isAirgapError(error, code);
    });
  });

test('rights that lack something, or were cut, fail the restore', () => {
  for (const text of ['', '{"user" : "backend", "superus', '{"user" : "backend"}', 'null'])
    assert.throws(
      () => parseRights(text),
      (error) => isAirgapError(error, 'RESTORE_FAILED'),
    );
});

test('lines of an answer count only when the last one came whole', () => {
  const whole = '120\n7\nend-of-answer\n';
  assert.deepEqual(wholeLines(whole), ['120', '7']);
  assert.deepEqual(wholeLines('end-of-answer\n'), []);
  for (let end = 0; end < whole.length; end++) assert.equal(wholeLines(whole.slice(0, end)), undefined);
});
