import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { judgeDatabase } from '../../../src/install/checks/database.js';
import { askPostgres } from '../../../src/io/postgres.js';
import { version } from '../../runai/facts.js';

const ROW = ['160004', 't', 't', 't'];
const judge = (row: (string | null)[], release = '2.18.0') =>
  judgeDatabase('db.site:5432/backend', { rows: [row] }, version(release));

test('a database of the site: its version by release, the right to create, grafana’s role and schema', () => {
  assert.equal(judge(ROW).outcome, 'pass');
  assert.match(judge(ROW).seen, /PostgreSQL 16\.4/);
  assert.equal(judge(['150008', 't', 't', 't']).outcome, 'fail');
  assert.equal(judge(['150008', 't', 't', 't'], '2.16.0').outcome, 'pass');
  assert.match(
    judge(['160004', 'f', 'f', 'f']).seen,
    /may not create.*no role grafana; there is no schema grafana/,
  );
});

test('a refusal fails with the server’s words; what cannot be reached from here is not checked', () => {
  const refused = judgeDatabase('db', { error: 'password authentication failed', code: '28P01' });
  assert.deepEqual([refused.outcome, refused.seen], ['fail', 'db: password authentication failed']);
  assert.equal(judgeDatabase('db', { error: 'ECONNREFUSED', code: 'network' }).outcome, 'not-checked');
});

async function ask(port: number) {
  const signal = new AbortController().signal;
  const login = { host: '127.0.0.1', port, user: 'u', password: 'p', database: 'd', timeout: 500, signal };
  return askPostgres(login, 'select 1');
}

test('a port that nobody listens on, that keeps silent, or that speaks something else', async (t) => {
  const answers = [undefined, 'HTTP/1.1 400 Bad Request\r\n\r\n', 'N'];
  for (const said of answers) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      if (said !== undefined) socket.write(said);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const answer = await ask(port);
    assert.equal('code' in answer && answer.code, 'network', String(said));
  }
  assert.equal('code' in (await ask(1)), true);
});
