import type { ByteSink } from './types.js';

/** Copies bytes into a sink. @returns when the sink is busy, what ends with all bytes taken */
export function putBytes(sink: ByteSink, bytes: Buffer): Promise<void> | undefined {
  for (let at = 0; at < bytes.length; ) {
    const copied = bytes.copy(sink.space(), 0, at);
    at += copied;
    const busy = sink.filled(copied);
    if (busy) return at < bytes.length ? busy.then(() => putBytes(sink, bytes.subarray(at))) : busy;
  }
  return undefined;
}
