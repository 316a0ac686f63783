import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { leavingInput } from '../../src/kube/exec-input.js';

/** Runs a wrapped command with a real shell; gives its status and output once all of the input was taken. */
async function run(command: readonly string[], input: Buffer) {
  const leaving = leavingInput(command);
  const [program = '', ...args] = leaving.command;
  const child = spawn(program, args);
  let out = '';
  let enough = false;
  child.stdout.on('data', (piece: Buffer) => {
    out += piece.toString('latin1');
  });
  child.stderr.on('data', (piece: Buffer) => {
    enough = leaving.hasEnough(piece);
    // Told once it has said so; the input is never closed.
    if (enough) child.stdin.write(leaving.last);
  });
  const closed = once(child, 'close');
  child.stdin.write(input);
  const [status] = await closed;
  return { status, out, enough };
}

const noise = Buffer.alloc(3_000_000, 'x\0\n\xff', 'latin1');

test('a command that reads all it wants, or fails before, ends with its own status and output', async () => {
  const rows: readonly [string, number, string][] = [
    ['head -c 3000000 | wc -c', 0, '3000000'],
    ['head -c 4; exit 3', 3, 'x\0\n\xff'],
    ['exit 4', 4, ''],
    ['kill -9 $$', 137, ''],
  ];
  for (const [script, status, out] of rows) {
    const found = await run(['sh', '-c', script], noise);
    assert.deepEqual([found.status, found.out.trim(), found.enough], [status, out.trim(), true], script);
  }
});

test('words with spaces, quotes and dollars reach the command as they are', async () => {
  const words = ['a b', "it's", '$HOME', '"', '', '*'];
  const { out } = await run(['sh', '-c', 'printf "[%s]" "$@"', 'name', ...words], noise);
  assert.equal(out, words.map((word) => `[${word}]`).join(''));
});

test('the sign is found however standard error is cut, and nothing else is taken for it', () => {
  const { command, hasEnough } = leavingInput(['true']);
  const other = leavingInput(['true']).command[3];
  assert.notEqual(command[3], other);
  for (const byte of Buffer.from(`noise\nairgap:enough ${other}\n`))
    assert.equal(hasEnough(Buffer.of(byte)), false);
  const bytes = Buffer.from(`airgap:enough ${command[3]}`);
  const found = [...bytes].map((byte) => hasEnough(Buffer.of(byte)));
  assert.equal(found.indexOf(true), bytes.length - 1);
  assert.equal(hasEnough(Buffer.from('later')), true);
});
