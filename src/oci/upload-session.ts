import { AirgapError, isAirgapError } from '../errors.js';
import type { Api } from './api.js';
import { parseUploadRange } from './headers.js';
import { resolveUpload } from './policy.js';
import type { HttpAnswer } from './transport.js';
import type { Descriptor } from './types.js';

/** An upload that the registry has open for us. */
export interface UploadSession {
  readonly url: URL;
  readonly scopes: readonly string[];
  /** OCI-Chunk-Min-Length, bytes. */
  readonly minimum: number;
  /** Bytes that the registry has, when its last answer said so. */
  readonly reached: number | undefined;
  /** The session as a later answer leaves it. */
  after(answer: HttpAnswer): UploadSession;
}

interface Target {
  readonly repository: string;
  readonly descriptor: Descriptor;
  readonly signal: AbortSignal | undefined;
}

/**
 * Begins an upload. With `from`, asks first to mount the blob from there; a registry that does not want to mount
 * answers with an upload, which is then used.
 */
export async function startUpload(
  api: Api,
  target: Target,
  from: readonly string[],
): Promise<UploadSession | 'mounted'> {
  let session: UploadSession | undefined;
  for (const repository of from) {
    const mounted = await tryMount(api, target, repository);
    if (mounted === 'mounted') {
      if (session) await cancelUpload(api, session);
      return mounted;
    }
    if (mounted && session) await cancelUpload(api, mounted);
    session ??= mounted;
  }
  return session ?? post(api, target, '', [pushScope(target.repository)]).then(asSession);
}

/** Where an upload stands; undefined when the registry does not know it (any more). */
export async function uploadStatus(
  api: Api,
  session: UploadSession,
  what: string,
  signal: AbortSignal | undefined,
): Promise<UploadSession | undefined> {
  const answer = await api.send({
    method: 'GET',
    to: session.url,
    scopes: session.scopes,
    what,
    ...(signal ? { signal } : {}),
  });
  answer.body.resume();
  return answer.status === 204 || answer.status === 202 ? session.after(answer) : undefined;
}

/** Gives an upload up; a registry that cannot is left to its own clean-up. */
export async function cancelUpload(api: Api, session: UploadSession): Promise<void> {
  const request = {
    method: 'DELETE',
    to: session.url,
    scopes: session.scopes,
    what: 'an upload cannot be given up',
  };
  await api.send(request).then(
    (answer) => answer.body.resume(),
    () => undefined,
  );
}

export function pushScope(repository: string): string {
  return `repository:${repository}:pull,push`;
}

/** Undefined when the registry refuses the mount as such, so that an ordinary upload is tried. */
async function tryMount(
  api: Api,
  target: Target,
  from: string,
): Promise<UploadSession | 'mounted' | undefined> {
  const query = `?mount=${encodeURIComponent(target.descriptor.digest)}&from=${encodeURIComponent(from)}`;
  try {
    return await post(api, target, query, [pushScope(target.repository), `repository:${from}:pull`]);
  } catch (error) {
    const refusal = ['REGISTRY_AUTH', 'REGISTRY_DENIED', 'REGISTRY_NOT_FOUND'] as const;
    if (refusal.some((code) => isAirgapError(error, code))) return undefined;
    throw error;
  }
}

/** Where repositories are not made by pushing, a project (or the whole repository) has to be there before. */
function noSuchPlace({ message, found, cause }: AirgapError): AirgapError {
  return new AirgapError('REGISTRY_NOT_FOUND', message, {
    ...(found === undefined ? {} : { found }),
    hint: 'have the project or repository made in the registry, or mend the prefix in --registry',
    cause,
  });
}

async function post(
  api: Api,
  target: Target,
  query: string,
  scopes: readonly string[],
): Promise<UploadSession | 'mounted'> {
  const what = `an upload to ${api.host}/${target.repository} cannot be begun`;
  const path = `/v2/${target.repository}/blobs/uploads/${query}`;
  const signal = target.signal ? { signal: target.signal } : {};
  const answer = await api
    .call({ method: 'POST', to: path, scopes, what, ...signal }, [202, 201])
    .catch((error: unknown) => {
      throw isAirgapError(error, 'REGISTRY_NOT_FOUND') ? noSuchPlace(error) : error;
    });
  answer.body.resume();
  if (answer.status === 201 && query !== '') return 'mounted';
  const location = answer.headers.location;
  const url = typeof location === 'string' ? resolveUpload(answer.url, location) : undefined;
  if (!url) {
    throw new AirgapError('REGISTRY_PROTOCOL', what, {
      expected: '202 with the Location of the upload',
      found: `${answer.status} with ${location === undefined ? 'no Location' : 'a Location that is not followed'}`,
    });
  }
  const minimum = Number(answer.headers['oci-chunk-min-length'] ?? 0);
  return sessionOf(url, scopes, Number.isSafeInteger(minimum) && minimum > 0 ? minimum : 0, 0);
}

function sessionOf(
  url: URL,
  scopes: readonly string[],
  minimum: number,
  reached: number | undefined,
): UploadSession {
  return {
    url,
    scopes,
    minimum,
    reached,
    after(answer) {
      const location = answer.headers.location;
      const next = typeof location === 'string' ? resolveUpload(url, location) : url;
      const range = answer.headers.range;
      return sessionOf(
        next ?? url,
        scopes,
        minimum,
        parseUploadRange(typeof range === 'string' ? range : undefined),
      );
    },
  };
}

function asSession(result: UploadSession | 'mounted'): UploadSession {
  if (result === 'mounted') throw new Error('a plain upload cannot be answered with a mount');
  return result;
}
