import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openJournal, readJournal } from '../../src/run/journal.js';
import { makeFolder } from './support.js';

const top = makeFolder('journal');
after(() => rmSync(top, { recursive: true, force: true }));

const options = { runId: 'run-1', now: () => Date.UTC(2026, 10, 21) };

function folder(name: string): string {
  const path = join(top, name);
  mkdirSync(path, { mode: 0o700 });
  return path;
}

test('records are on disk before append returns, in a file for its owner only', async () => {
  const place = folder('order');
  const journal = await openJournal(place, options);
  await journal.append({ step: '', phase: 'planned' });
  journal.fence = 7;
  const record = await journal.append({ step: 'push', phase: 'intent', data: { count: 2 } });
  const lines = readFileSync(join(place, 'journal.jsonl'), 'utf8').trimEnd().split('\n');
  assert.deepEqual(JSON.parse(lines[1] as string), record);
  assert.deepEqual(Object.keys(record), ['seq', 'prev', 't', 'runId', 'fence', 'step', 'phase', 'data', 'h']);
  assert.equal(record.fence, 7);
  assert.equal(record.prev, JSON.parse(lines[0] as string).h);
  assert.equal(statSync(join(place, 'journal.jsonl')).mode & 0o777, 0o600);
  await journal.close();
});

test('appends that overlap keep their order', async () => {
  const journal = await openJournal(folder('overlap'), options);
  const records = await Promise.all(
    Array.from({ length: 50 }, (_, index) => journal.append({ step: `s${index}`, phase: 'intent' })),
  );
  assert.deepEqual(
    records.map((record) => record.seq),
    records.map((_, index) => index),
  );
  await journal.close();
});

test('a torn last record is cut off, and the chain goes on', async () => {
  const place = folder('torn');
  const first = await openJournal(place, options);
  await first.append({ step: '', phase: 'planned' });
  await first.close();
  appendFileSync(join(place, 'journal.jsonl'), `{"seq":1,"prev":"${'x'.repeat(5000)}`);
  const second = await openJournal(place, options);
  assert.equal(second.records.length, 1);
  await second.append({ step: 'push', phase: 'intent' });
  await second.close();
  const { records, torn } = await readJournal(place);
  assert.deepEqual([records.length, torn], [2, false]);
});

test('another run’s journal is not written to', async () => {
  const place = folder('foreign');
  const journal = await openJournal(place, options);
  await journal.append({ step: '', phase: 'planned' });
  await journal.close();
  await assert.rejects(openJournal(place, { ...options, runId: 'run-2' }), { code: 'RUN_MISMATCH' });
});

test('threat 136: what looks like a credential never reaches the file, and long texts are capped', async () => {
  const place = folder('secrets');
  const journal = await openJournal(place, options);
  const data = {
    detail: 'GET https://bob:hunter22@registry.test/v2/ failed, Authorization: Bearer abc.def.ghi',
    list: ['password=hunter22'],
    long: 'x'.repeat(10_000),
  };
  await journal.append({ step: 'push', phase: 'failed', data });
  await journal.close();
  const text = readFileSync(join(place, 'journal.jsonl'), 'utf8');
  assert.doesNotMatch(text, /hunter22|abc\.def\.ghi/);
  assert.ok(text.length < 6000);
});

test('the ballast goes with the finished run', async () => {
  const place = folder('ballast');
  const journal = await openJournal(place, options);
  assert.equal(statSync(join(place, 'ballast')).size, 1024 * 1024);
  await journal.append({ step: '', phase: 'finished' });
  await journal.close();
  assert.equal(existsSync(join(place, 'ballast')), false);
});

test('threat 85: a full disk: the ballast pays for the last words, then DISK_FULL', {
  skip: !canMount(),
}, async () => {
  const place = folder('full');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1280k,mode=0700', 'airgap-test', place]);
  try {
    const journal = await openJournal(place, options);
    await journal.append({ step: '', phase: 'planned' });
    try {
      for (;;) appendFileSync(join(place, 'filler'), Buffer.alloc(4096));
    } catch {
      // Full now.
    }
    let written = 1;
    while (!journal.spent && written < 100) {
      await journal.append({ step: 'push', phase: 'note', data: { text: 'x'.repeat(900) } });
      written++;
    }
    assert.equal(journal.spent, true);
    assert.equal(existsSync(join(place, 'ballast')), false);
    appendFileSync(join(place, 'filler'), Buffer.alloc(900 * 1024));
    await assert.rejects(
      (async () => {
        for (;;) {
          await journal.append({ step: 'push', phase: 'note', data: { text: 'x'.repeat(3900) } });
          written++;
        }
      })(),
      { code: 'DISK_FULL' },
    );
    await journal.close();
    const { records, torn } = await readJournal(place);
    assert.deepEqual([records.length, torn], [written, false]);
    await assert.rejects(openJournal(place, options), { code: 'DISK_FULL' });
  } finally {
    execFileSync('umount', [place]);
  }
});

test('threat 86: a folder that cannot be written is named', async () => {
  const place = join(top, 'file');
  writeFileSync(place, '');
  await assert.rejects(openJournal(place, options), { code: 'OUTPUT_UNWRITABLE' });
});

function canMount(): boolean {
  const probe = folder('probe');
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'airgap-test', probe], { stdio: 'ignore' });
    execFileSync('umount', [probe]);
    return true;
  } catch {
    return false;
  }
}
