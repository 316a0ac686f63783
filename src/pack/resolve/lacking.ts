import { AirgapError, isAirgapError } from '../../errors.js';

/**
 * What a source says that lacks a blob although its own manifest lists it: the source is broken, and nothing in the
 * spec can mend that. Other errors pass unchanged.
 */
export function asLackingBlob(error: unknown): unknown {
  if (!isAirgapError(error, 'REGISTRY_NOT_FOUND')) return error;
  return new AirgapError('REGISTRY_CONTENT', error.message, {
    expected: 'every blob that the manifest lists',
    ...(error.found === undefined ? {} : { found: error.found }),
    hint: 'push the image to its registry again, or check the storage of that registry',
    cause: error,
  });
}
