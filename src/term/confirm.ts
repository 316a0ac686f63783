import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';

/** Asks a question on a terminal; only a full "yes" is a yes. */
export async function askYes(
  question: string,
  streams: { readonly input: Readable; readonly output: Writable; readonly signal: AbortSignal },
): Promise<boolean> {
  const prompt = createInterface({ input: streams.input, output: streams.output });
  try {
    const answer = await prompt.question(`${question} (type yes to go on) `, { signal: streams.signal });
    return answer.trim().toLowerCase() === 'yes';
  } finally {
    prompt.close();
  }
}
