import assert from 'node:assert/strict';
import type { Writable } from 'node:stream';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { AirgapError, isAirgapError } from '../../src/errors.js';
import type { KubeClient } from '../../src/kube/types.js';
import { execInto, execStream } from '../../src/recovery/exec-stream.js';

const SAID = 'airgap:fact {"kind":"setting","setting":"a=hidden"}\npg_dump: error: out of memory\nairgap:by';

/** A stream that breaks after the command said something. */
const client: Pick<KubeClient, 'exec'> = {
  exec: async (_target, { stderr } = {}) => {
    await new Promise((done) => (stderr as Writable).write(SAID, done));
    throw new AirgapError('EXEC_BROKEN', 'the stream broke', {
      expected: 'an end',
      found: 'closed with 1006',
    });
  },
};
const call = {
  client,
  target: { namespace: 'a', pod: 'p', container: 'c', command: ['pg_dump'] },
  signal: new AbortController().signal,
};

describe('threat 136: a stream that breaks', () => {
  for (const [way, run] of [
    ['out of a pod', () => execStream(call, text)],
    ['into a pod', () => execInto(call, Readable.from([]), () => {})],
  ] as const) {
    it(`${way} says what the command said, without the facts, which may be secrets`, async () => {
      await assert.rejects(run(), (error: AirgapError) => {
        assert.ok(isAirgapError(error, 'EXEC_BROKEN'));
        assert.equal(error.found, 'closed with 1006; the command had said: pg_dump: error: out of memory');
        return true;
      });
    });
  }
});
