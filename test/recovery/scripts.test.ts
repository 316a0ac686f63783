import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { parseSums } from '../../src/recovery/dump-report.js';
import {
  COUNT_SCRIPT,
  DUMP_SCRIPT,
  FACTS_SCRIPT,
  GLOBALS_SCRIPT,
  LIST_SCRIPT,
  SERVER_SCRIPT,
  SUMS_CLOSE,
  SUMS_OPEN,
} from '../../src/recovery/dump-script.js';
import * as restore from '../../src/recovery/restore-script.js';
import { COMPARE_SCRIPT, READ_SCRIPT, WRITE_SCRIPT } from '../../src/recovery/volume-script.js';

const bash = (script: string, input: Buffer | string = '') =>
  spawnSync('bash', ['-c', script], { input, maxBuffer: 64 * 1024 * 1024 });

describe('the programs that run inside pods', () => {
  it('are bash', () => {
    const scripts = {
      COUNT_SCRIPT,
      SERVER_SCRIPT,
      DUMP_SCRIPT,
      FACTS_SCRIPT,
      GLOBALS_SCRIPT,
      LIST_SCRIPT,
      READ_SCRIPT,
      WRITE_SCRIPT,
      COMPARE_SCRIPT,
      ...restore,
    };
    for (const [name, script] of Object.entries(scripts)) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' });
      assert.equal(status, 0, `${name}: ${stderr}`);
    }
  });

  it('both sums come before the program ends, every time', () => {
    const content = Buffer.alloc(300_000, 'x');
    const sha256 = createHash('sha256').update(content).digest('hex');
    const script = `set -u -o pipefail; ${SUMS_OPEN}\ncat | tee /dev/fd/7 | counted\nstatus=$?\n${SUMS_CLOSE}\nexit "$status"`;
    for (let round = 0; round < 15; round++) {
      const { status, stdout, stderr } = bash(script, content);
      assert.equal(status, 0);
      assert.ok(stdout.equals(content));
      assert.deepEqual(parseSums(stderr.toString()), { sha256, bytes: content.length });
    }
  });

  it('what was given to a program that dies is counted, and its own words come last', () => {
    const script = `set -u -o pipefail; ${SUMS_OPEN}
cat | counted | tee /dev/fd/7 | { head -c 2000000 >/dev/null; echo 'it broke' >&2; exit 3; }
status=$?
${SUMS_CLOSE}
exit "$status"`;
    const { status, stderr } = bash(script, Buffer.alloc(20_000_000, 'x'));
    assert.equal(status, 3);
    const bytes = parseSums(stderr.toString())?.bytes ?? 0;
    assert.ok(bytes >= 2_000_000 && bytes < 3_000_000, `${bytes}`);
    assert.match(stderr.toString(), /^it broke$/m);
    assert.doesNotMatch(stderr.toString(), /records|copied|^dd:/m);
  });

  it('a disk that is full says so', () => {
    const script = `set -u -o pipefail; ${SUMS_OPEN}\ncat | tee /dev/fd/7 | counted >/dev/full\nstatus=$?\n${SUMS_CLOSE}\nexit "$status"`;
    const { status, stderr } = bash(script, Buffer.alloc(300_000, 'x'));
    assert.notEqual(status, 0);
    assert.match(stderr.toString(), /No space left on device/);
  });
});
