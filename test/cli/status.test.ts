import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { after, test } from 'node:test';
import { Command } from 'commander';
import type { CliContext } from '../../src/cli/context.js';
import { statusVerb } from '../../src/cli/status.js';
import { silent } from '../../src/events.js';
import { openSession } from '../../src/run/session.js';
import { openRunJournal } from '../../src/run/store.js';
import { makeFolder, realClock, sessionOptions } from '../run/support.js';

const root = makeFolder('cli-status');
after(() => rmSync(root, { recursive: true, force: true }));

async function status(args: readonly string[], folder = root): Promise<string> {
  const stdout = new PassThrough();
  const context: CliContext = {
    env: { AIRGAP_STATE_DIR: folder },
    cwd: '/',
    stdin: new PassThrough(),
    stdout,
    now: Date.now,
    signal: new AbortController().signal,
    emit: silent,
    confirm: undefined,
    version: '0.1.0',
  };
  const program = new Command();
  statusVerb(program, context);
  await program.parseAsync(['status', ...args], { from: 'user' });
  stdout.end();
  return String((await stdout.toArray()).join(''));
}

test('without any run it says where it looked', async () => {
  assert.equal(await status([], `${root}/none`), `No run is recorded in ${root}/none.\n`);
});

test('text and JSON of a run that stopped while the product is down', async () => {
  const clock = { ...realClock, now: () => Date.UTC(2026, 10, 21, 10) };
  const session = await openSession(sessionOptions(root, { clock }));
  await session.close();
  const journal = await openRunJournal(session.run, clock.now);
  for (const step of ['push', 'keep:pvc', 'delete:statefulsets'])
    await journal.append({ step, phase: 'committed' });
  await journal.append({ step: 'delete:ingress', phase: 'intent' });
  await journal.close();
  const text = (await status([])).replaceAll(root, 'STATE');
  assert.equal(
    text,
    `Run 20261121T100000Z-01010101: install, interrupted
  upgrade 2.9 to 2.13
  begun   2026-11-21T10:00:00.000Z, cluster 1b4e28ba-2fa1-11d2-883f-0016d3cca427
  bundle  ${'b'.repeat(64)}
  last    2026-11-21T10:00:00.000Z
  record  STATE/runs/1b4e28ba-2fa1-11d2-883f-0016d3cca427/20261121T100000Z-01010101
     STEP                 STATE                SINCE                     TOOK
  x  push                 done                 2026-11-21T10:00:00.000Z
  x  keep:pvc             done                 2026-11-21T10:00:00.000Z
  x  delete:statefulsets  done                 2026-11-21T10:00:00.000Z
  >  delete:ingress       begun, perhaps done  2026-11-21T10:00:00.000Z
     scale:0              waits
     helm:runai-backend   waits
     scale:1              waits
  next: delete:ingress, do delete:ingress
  safe to walk away: no, the product is down since step delete:statefulsets; go on soon
  safe to run the same command again: yes, it observes first and goes on where this one stopped
  to do: go on: the same command again; or go back: airgap rollback --run 20261121T100000Z-01010101 --dry-run
`,
  );
  const json = JSON.parse(await status(['-o', 'json']));
  assert.equal(json.runs[0].state, 'interrupted');
  assert.equal(json.runs[0].next.id, 'delete:ingress');
  assert.deepEqual(json.runs[0].safeToWalkAway.answer, false);
  assert.equal(json.runs[0].steps.length, 7);
});

test('a run by the beginning of its id; an unknown one is a usage fault', async () => {
  assert.match(await status(['--run', '20261121']), /^Run 20261121T100000Z/);
  await assert.rejects(status(['--run', 'nope']), { code: 'USAGE' });
  assert.match(await status(['--all']), /^Run 20261121T100000Z/);
});
