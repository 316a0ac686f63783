import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { AirgapEvent } from '../../src/events.js';
import { createJsonRenderer, createPlainRenderer, type RendererOptions } from '../../src/term/renderer.js';
import { choosePaint, coloured, plain } from '../../src/term/style.js';

const story: AirgapEvent[] = [
  { type: 'stage-started', stage: 'push', title: '12 images to registry.site:5000' },
  { type: 'progress', stage: 'push', done: 0, total: 2_000_000_000, unit: 'bytes' },
  { type: 'progress', stage: 'push', done: 500_000_000, total: 2_000_000_000, unit: 'bytes' },
  {
    type: 'progress',
    stage: 'push',
    done: 1_500_000_000,
    total: 2_000_000_000,
    unit: 'bytes',
    current: 'backend',
  },
  { type: 'note', level: 'warn', text: 'tag moved' },
  { type: 'note', level: 'debug', text: 'HEAD 200' },
  { type: 'step', id: 'crds', title: 'apply 17 CRDs', phase: 'done', detail: '17 established' },
  { type: 'child', program: 'helm', line: 'history: password=hunter22' },
  { type: 'stage-ended', stage: 'push', outcome: 'ok', summary: '1.5 GB sent, 300 MB mounted' },
];

function play(verbosity: RendererOptions['verbosity'], create = createPlainRenderer): string {
  const stderr = new PassThrough();
  let clock = 0;
  const renderer = create({ stderr, now: () => clock, paint: plain, verbosity, every: 5000 });
  for (const event of story) {
    renderer.emit(event);
    clock += 3000;
  }
  return String(stderr.read() ?? '');
}

test('plain lines: progress is paced, with rate and time left', () => {
  assert.equal(
    play('normal'),
    `push: 12 images to registry.site:5000
  push: 500 MB of 2.00 GB, 25 %, 167 MB/s, 9.0 s left
warning: tag moved
  [crds] apply 17 CRDs: done (17 established)
  push ok, 1.5 GB sent, 300 MB mounted
`,
  );
});

test('plain lines: a wait that stands still is told once a minute, what changes at once', () => {
  const stderr = new PassThrough();
  let clock = 0;
  const options = { stderr, now: () => clock, paint: plain, verbosity: 'normal' } as const;
  const renderer = createPlainRenderer(options);
  for (; clock < 150_000; clock += 1500) {
    const done = clock < 100_000 ? 3 : 4;
    renderer.emit({ type: 'progress', stage: 'wait:runai', done, total: 9, unit: 'items', current: 'pod/x' });
  }
  const lines = String(stderr.read()).trimEnd().split('\n');
  assert.equal(lines.length, 3, lines.join('\n'));
  assert.match(lines[0] ?? '', /^ {2}wait:runai: 3 of 9, 33 %, pod\/x/);
  assert.match(lines[1] ?? '', /3 of 9/);
  assert.match(lines[2] ?? '', /4 of 9/);
});

test('quiet keeps warnings only', () => assert.equal(play('quiet'), 'warning: tag moved\n'));

test('verbose adds debug notes and the output of children, redacted', () => {
  const text = play('verbose');
  assert.match(text, /HEAD 200/);
  assert.match(text, /helm: history: password=\[redacted\]/);
});

test('JSON: every event is one line', () => {
  const lines = play('normal', createJsonRenderer).trimEnd().split('\n');
  assert.equal(lines.length, story.length);
  const first = JSON.parse(lines[0] as string) as Record<string, unknown>;
  assert.deepEqual(first, { time: '1970-01-01T00:00:00.000Z', ...story[0] });
});

test('colours: NO_COLOR, FORCE_COLOR, terminal, dumb terminal', () => {
  const rows: [boolean, Record<string, string>, boolean, typeof plain][] = [
    [true, {}, false, coloured],
    [true, { NO_COLOR: '1' }, false, plain],
    [true, {}, true, plain],
    [false, {}, false, plain],
    [false, { FORCE_COLOR: '1' }, false, coloured],
    [true, { TERM: 'dumb' }, false, plain],
  ];
  for (const [isTerminal, env, forbidden, expected] of rows) {
    assert.equal(
      choosePaint({ isTerminal, env, forbidden }),
      expected,
      JSON.stringify({ isTerminal, env, forbidden }),
    );
  }
});
