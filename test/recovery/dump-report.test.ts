import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AirgapError, isAirgapError } from '../../src/errors.js';
import { demandWhole } from '../../src/recovery/dump-databases.js';
import {
  compareContents,
  contentMeta,
  contentOf,
  factLines,
  parseContent,
  parseSums,
} from '../../src/recovery/dump-report.js';

const HASH = 'ab'.repeat(32);
const LINES = [
  '{"kind":"database","server":"15.14","number":150014,"size":9,"encoding":"UTF8","collate":"C.UTF-8","ctype":"C.UTF-8","owner":"backend"}',
  '{"kind":"extension","name":"plpgsql","version":"1.0"}',
  '{"kind":"table","schema":"odd \\"Schema","name":"Tab le","rows":2,"hash":"-12"}',
  '{"kind":"sequence","schema":"public","name":"s","value":"9223372036854775807","called":true}',
  '{"kind":"largeObjects","count":1,"hash":"5"}',
];

describe('what a dump says about itself', () => {
  it('reads sums and facts among other words', () => {
    const report = `pg_dump: warning\nairgap:bytes 12\nairgap:fact ${LINES[0]}\nairgap:sha256 ${HASH}\n`;
    assert.deepEqual(parseSums(report), { sha256: HASH, bytes: 12 });
    assert.deepEqual(factLines(report), [LINES[0]]);
    assert.equal(parseSums(`airgap:sha256 ${HASH}\n`), undefined);
    assert.equal(parseSums(`airgap:bytes 1\nairgap:sha256 ${HASH}0\n`), undefined);
  });

  it('keeps tables, sequences and hashes through the manifest', () => {
    const content = parseContent(LINES);
    assert.equal(content.sequences[0]?.value, '9223372036854775807');
    const tables = content.tables.map(({ schema, name, rows }) => ({ schema, name, rows }));
    const back = contentOf(tables, JSON.parse(JSON.stringify(contentMeta(content))));
    assert.ok(back);
    assert.deepEqual(compareContents(back, content), []);
    assert.equal(back.owner, 'backend');
    assert.equal(contentOf(tables, { hashes: [] }), undefined);
  });

  it('refuses lines that are none', () => {
    for (const lines of [['psql: error'], [], LINES.slice(1), ['{"kind":"table","schema":"a"}']])
      assert.throws(
        () => parseContent(lines),
        (error) => isAirgapError(error, 'BACKUP_FAILED'),
      );
  });

  it('threat 136: does not show a line that was cut: settings may be secrets', () => {
    const cut = '{"kind":"setting","role":"","setting":"app.key=hid';
    assert.throws(
      () => parseContent([...LINES, cut]),
      (error: AirgapError) => {
        assert.doesNotMatch(JSON.stringify([error.message, error.found, error.faults]), /hid|app\.key/);
        assert.match(error.found ?? '', /line 6 of 50 characters/);
        return true;
      },
    );
  });

  it('names every difference: rows, content, missing, more, large objects', () => {
    const table = (name: string, rows: number, hash: string) => ({ schema: 's', name, rows, hash });
    const expected = {
      tables: [table('a', 1, 'x'), table('b', 2, 'y'), table('c', 3, 'z')],
      largeObjects: { count: 1, hash: '1' },
    };
    const found = {
      tables: [table('a', 2, 'x'), table('b', 2, 'q'), table('d', 0, '')],
      largeObjects: { count: 1, hash: '2' },
    };
    assert.deepEqual(compareContents(expected, found), [
      'table s.a has 2 rows instead of 1',
      'table s.b has other rows',
      'table s.c is missing',
      'table s.d is there and not in the backup',
      'large objects have other content',
    ]);
  });

  it('threat 122: what arrived must be what was sent', () => {
    const report = `airgap:bytes 12\nairgap:sha256 ${HASH}\n`;
    const whole = { taken: { size: 12, sha256: HASH }, exitCode: 0, stderr: '', report };
    demandWhole('database x', whole);
    const wrong = [
      { ...whole, taken: { size: 11, sha256: HASH } },
      { ...whole, taken: { size: 12, sha256: '0'.repeat(64) } },
      { ...whole, report: '' },
      { ...whole, exitCode: 1 },
    ];
    for (const each of wrong)
      assert.throws(
        () => demandWhole('database x', each),
        (error) => isAirgapError(error, 'BACKUP_FAILED'),
      );
  });
});
