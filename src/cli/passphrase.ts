import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError } from '../errors.js';
import type { CliContext } from './context.js';

const LIMIT = 4096;

/**
 * Reads a passphrase from a file, `-` for stdin; one newline at its end does not count. There is no flag for the
 * passphrase itself, which every process of the host could read.
 * @throws AirgapError FILE_NOT_FOUND, USAGE
 */
export async function readPassphrase(
  file: string,
  context: Pick<CliContext, 'cwd' | 'stdin'>,
): Promise<string> {
  const raw = file === '-' ? await readAll(context.stdin) : await readSecretFile(resolve(context.cwd, file));
  const text = raw.replace(/\r?\n$/, '');
  if (text.length > 0 && text.length <= LIMIT && !/[\r\n]/.test(text)) return text;
  throw new AirgapError('USAGE', 'the passphrase cannot be used', {
    expected: `one line of 1 to ${LIMIT} characters`,
    found: text.length === 0 ? 'nothing' : 'several lines, or too many characters',
  });
}

async function readSecretFile(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new AirgapError('USAGE', `${path} holds a passphrase and others can read it`, {
        expected: 'mode 0600',
        found: `mode 0${(mode & 0o777).toString(8)}`,
        hint: `chmod 600 ${path}`,
      });
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof AirgapError) throw error;
    throw new AirgapError('FILE_NOT_FOUND', `${path} cannot be read`, { cause: error });
  }
}

async function readAll(stream: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += chunk.toString();
    if (text.length > 2 * LIMIT) break;
  }
  return text;
}
