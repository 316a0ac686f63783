import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AirgapError, systemCode } from '../../errors.js';
import { parseSpec } from './parse.js';
import type { Spec } from './types.js';

/**
 * Reads a spec from a file.
 * @param path as the user named it; relative to `cwd`
 * @throws AirgapError FILE_NOT_FOUND, SPEC_INVALID
 */
export async function readSpec(path: string, cwd: string): Promise<Spec> {
  const absolute = resolve(cwd, path);
  let bytes: Buffer;
  try {
    bytes = await readFile(absolute);
  } catch (cause) {
    throw new AirgapError('FILE_NOT_FOUND', `the spec ${path} cannot be read`, {
      found: systemCode(cause) ?? String(cause),
      cause,
    });
  }
  return parseSpec(decode(bytes, path), path, dirname(absolute));
}

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AirgapError('SPEC_INVALID', `${path} is not UTF-8 text`, { cause });
  }
}
