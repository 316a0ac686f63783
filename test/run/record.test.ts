import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirgapError } from '../../src/errors.js';
import { decodeJournal, encodeRecord, type JournalRecord } from '../../src/run/record.js';

function journal(count: number): { bytes: Buffer; records: JournalRecord[]; ends: number[] } {
  const records: JournalRecord[] = [];
  const ends: number[] = [];
  let text = '';
  for (let seq = 0; seq < count; seq++) {
    const { line, record } = encodeRecord({
      seq,
      prev: records.at(-1)?.h ?? '',
      t: '2026-11-21T10:00:00.000Z',
      runId: 'run',
      fence: 3,
      step: seq === 0 ? '' : `step-${seq}`,
      phase: seq === 0 ? 'planned' : 'committed',
      data: { text: 'line one\nline two ,"h":"', count: seq },
    });
    records.push(record);
    text += line;
    ends.push(Buffer.byteLength(text));
  }
  return { bytes: Buffer.from(text), records, ends };
}

test('a journal reads back as it was written', () => {
  const { bytes, records } = journal(5);
  assert.deepEqual(decodeJournal(bytes, 'j'), { records, size: bytes.length, torn: false });
  assert.deepEqual(decodeJournal(Buffer.alloc(0), 'j'), { records: [], size: 0, torn: false });
});

test('threat 87: cut at every length: whole records stay, the torn last one is dropped', () => {
  const { bytes, records, ends } = journal(4);
  for (let length = 0; length <= bytes.length; length++) {
    const whole = ends.filter((end) => end <= length);
    const read = decodeJournal(bytes.subarray(0, length), 'j');
    assert.deepEqual(read.records, records.slice(0, whole.length));
    assert.equal(read.size, whole.at(-1) ?? 0);
    assert.equal(read.torn, length !== (whole.at(-1) ?? 0));
  }
});

test('threat 87: a last record of zeros or rubbish, as a power loss leaves it, is dropped', () => {
  const { bytes, records, ends } = journal(3);
  for (const tail of [Buffer.alloc(4096), Buffer.from('{"seq":3}\n'), Buffer.from('\n')]) {
    const read = decodeJournal(Buffer.concat([bytes, tail]), 'j');
    assert.deepEqual(read, { records, size: ends[2], torn: true });
  }
});

test('threat 87: any flipped bit before the last record is damage; in the last record it is a torn tail', () => {
  const { bytes, ends } = journal(4);
  const lastStart = ends[2] as number;
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(7), (at, bit) => {
      const broken = Buffer.from(bytes);
      broken[at] = (broken[at] as number) ^ (1 << bit);
      try {
        const read = decodeJournal(broken, 'j');
        // The newline that ends the record before last joins it with the last: both are then the torn tail.
        return at >= lastStart - 1 && read.torn && read.records.length >= 2;
      } catch (error) {
        return isAirgapError(error, 'JOURNAL_DAMAGED') && at < lastStart;
      }
    }),
    { numRuns: 2000 },
  );
});

test('a record taken out, doubled or moved breaks the chain', () => {
  const lines = journal(5).bytes.toString().trimEnd().split('\n');
  const [a, b, c, d, e] = lines as [string, string, string, string, string];
  for (const order of [
    [a, c, d, e],
    [a, b, b, c, d],
    [b, a, c, d],
    [b, c, d, e],
    [a, b, d, c, e],
  ]) {
    assert.throws(
      () => decodeJournal(Buffer.from(`${order.join('\n')}\n`), 'j'),
      (error) => isAirgapError(error, 'JOURNAL_DAMAGED') && /byte \d+/.test(error.found ?? ''),
    );
  }
});

test('a record of another run does not continue the chain', () => {
  const { bytes, records } = journal(2);
  const foreign = encodeRecord({
    ...(records[1] as JournalRecord),
    seq: 2,
    prev: records[1]?.h ?? '',
    runId: 'other',
  });
  const more = encodeRecord({
    ...(records[1] as JournalRecord),
    seq: 3,
    prev: foreign.record.h,
    runId: 'other',
  });
  assert.throws(() => decodeJournal(Buffer.concat([bytes, Buffer.from(foreign.line + more.line)]), 'j'), {
    code: 'JOURNAL_DAMAGED',
  });
});
