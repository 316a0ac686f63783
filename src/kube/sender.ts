import { isAirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import { withRetry } from '../io/retry.js';
import { answerFault, mayHeal, networkFault, statusOf } from './fault.js';
import type { Transport } from './transport.js';
import type { KubeRequest, KubeResponse } from './types.js';

export interface SenderOptions {
  readonly server: string;
  readonly emit: Emit;
  readonly signal?: AbortSignal;
  /** Further tries once the server has answered before; 36, which is about five minutes. */
  readonly retries?: number;
  /** Further tries of the very first request; 2, so that a wrong address is told at once. */
  readonly firstRetries?: number;
  /** Milliseconds before the first further try, doubling up to 10000; 500. */
  readonly retryDelay?: number;
}

export type Send = (request: KubeRequest) => Promise<KubeResponse>;

/** Sends requests, renews credentials once after a 401, and repeats what can heal and may be repeated. */
export function createSender(transport: Transport, options: SenderOptions): Send {
  let answered = false;
  let told = false;

  const once = async (request: KubeRequest): Promise<KubeResponse> => {
    try {
      const response = await transport.send(request);
      if (response.status !== 401) return response;
      transport.forget();
      return await transport.send(request);
    } catch (error) {
      throw networkFault(options.server, error);
    }
  };
  const attempt = async (request: KubeRequest): Promise<KubeResponse> => {
    const response = await once(request);
    if (response.status >= 400) throw answerFault(request, response);
    answered = true;
    told = false;
    return response;
  };
  const tell = (error: unknown): void => {
    if (told) return;
    told = true;
    const found = isAirgapError(error) ? (error.found ?? error.message) : String(error);
    options.emit({
      type: 'note',
      level: 'warn',
      text: `${options.server} does not answer (${found}); trying again`,
    });
  };

  return (request) => {
    const signal = joinSignals(request.signal, options.signal);
    const bound = signal === undefined ? request : { ...request, signal };
    if (request.repeatable === false) return attempt(bound);
    return withRetry(() => attempt(bound), {
      retries: answered ? (options.retries ?? 36) : (options.firstRetries ?? 2),
      first: options.retryDelay ?? 500,
      most: 10_000,
      heals: (error) => {
        if (statusOf(error)) answered = true;
        return mayHeal(error);
      },
      onRetry: tell,
      ...(signal === undefined ? {} : { signal }),
    });
  };
}

function joinSignals(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return AbortSignal.any([one, other]);
}
