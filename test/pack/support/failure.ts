import assert from 'node:assert/strict';
import { AirgapError, type ErrorCode } from '../../../src/errors.js';
import { formatError } from '../../../src/term/error.js';

/** Runs `work`, which must fail with `code`; gives the error and the whole text that a user would see. */
export async function failure(
  code: ErrorCode,
  work: () => unknown,
): Promise<{ readonly error: AirgapError; readonly text: string }> {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof AirgapError, `a plain error: ${error instanceof Error ? error.stack : error}`);
    const text = formatError(error);
    assert.equal(error.code, code, text);
    return { error, text };
  }
  throw new assert.AssertionError({ message: `nothing failed, ${code} was expected` });
}
