import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDumpWalk, type WalkedDump } from '../../src/recovery/dump-walk.js';
import { noise } from './archive/helpers.js';
import { customDump } from './dump.js';
import { PASSWORD, startPostgres, withoutPostgres } from './support/postgres.js';

const TABLES = [
  { schema: 'public', name: 'projects' },
  { schema: 'my schema', name: 'odd\nname' },
];

function walk(dump: Buffer, piece = 1 << 20): WalkedDump | string {
  const walking = createDumpWalk();
  for (let at = 0; at < dump.length; at += piece) {
    const own = Buffer.from(dump.subarray(at, at + piece));
    walking.push(own);
    own.fill(0xff);
  }
  return walking.end();
}

test('threat 131: a dump of every known format is read to its end, in pieces of any length', () => {
  for (const minor of [12, 13, 14, 15, 16]) {
    const dump = customDump(TABLES, { minor, data: noise(70_000, 'data') });
    for (const piece of [1, 7, 4096, 65_537, 1 << 20]) {
      const found = walk(dump, piece);
      assert.ok(typeof found === 'object', `1.${minor} in pieces of ${piece}: ${String(found)}`);
      assert.deepEqual([found.isWalked, found.blocks, found.tables], [true, 2, TABLES]);
    }
  }
  const newer = walk(customDump(TABLES, { minor: 17 }));
  assert.ok(typeof newer === 'object' && !newer.isWalked);
});

test('threat 131: a dump that is cut anywhere, or goes on behind its end, is found', () => {
  const dump = customDump(TABLES);
  const whole = walk(dump);
  assert.equal(typeof whole, 'object');
  for (let length = 0; length < dump.length; length++) {
    const found = walk(dump.subarray(0, length));
    assert.equal(typeof found, 'string', `cut at ${length}`);
  }
  for (const more of [Buffer.from([0]), Buffer.from([1, 0, 1, 0, 0, 0]), noise(100, 'more')])
    assert.equal(typeof walk(Buffer.concat([dump, more])), 'string');
  assert.match(String(walk(Buffer.from('-- SQL\n'))), /PGDMP/);
});

test('threat 131: data that lacks, comes twice or belongs to nothing is found', () => {
  const one = customDump(TABLES.slice(0, 1));
  const two = customDump(TABLES);
  const block = one.subarray(-26);
  assert.equal(block[0], 1);
  assert.match(
    String(walk(two.subarray(0, -block.length))),
    /lacks the data of 1 entries, TABLE DATA my schema odd/,
  );
  assert.match(String(walk(Buffer.concat([one, block]))), /an entry 1 that has none, or has it twice/);
  const other = Buffer.from(block);
  other[2] = 9;
  assert.match(String(walk(Buffer.concat([one, other]))), /data of an entry 9/);
  const kind = Buffer.from(one);
  kind[one.length - block.length] = 2;
  assert.match(String(walk(kind)), /unknown kind 2/);
});

test('threat 131: a real dump with large objects, empty tables and views is read to its end', {
  skip: withoutPostgres() ?? false,
}, async () => {
  const server = await startPostgres();
  try {
    server.sql(
      'postgres',
      `CREATE TABLE filled AS SELECT g, repeat('x', g % 50) FROM generate_series(1, 30000) g; CREATE TABLE empty (a int);
       CREATE VIEW seen AS SELECT 1; SELECT lo_from_bytea(g, decode(repeat('ab', 5000), 'hex')) FROM generate_series(40000, 40004) g;`,
    );
    const login = ['env', `PGPASSWORD=${PASSWORD}`, 'pg_dump', '-Fc', '-h', '127.0.0.1', '-U', 'postgres'];
    const target = { namespace: '', pod: '', container: '', command: [...login, 'postgres'] };
    const { stdout: dump, exitCode, stderr } = await server.client.exec(target);
    assert.equal(exitCode, 0, String(stderr));
    for (const piece of [977, 1 << 20]) {
      const found = walk(dump, piece);
      assert.ok(typeof found === 'object', String(found));
      assert.deepEqual(found.tables.map(({ name }) => name).sort(), ['empty', 'filled']);
    }
    assert.equal(typeof walk(dump.subarray(0, -1)), 'string');
  } finally {
    await server.stop();
  }
});
