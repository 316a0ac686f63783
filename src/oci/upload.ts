import { AirgapError, isAirgapError } from '../errors.js';
import { answerOf, isStorageFault, type RegistryAnswer } from './answer.js';
import { type Api, TokenRenewed } from './api.js';
import { type BlobFeed, createFeed } from './body.js';
import type { ChunkSizes } from './chunk-size.js';
import type { Descriptor, OpenBlob, PutOutcome } from './types.js';
import { startUpload, type UploadSession, uploadStatus } from './upload-session.js';

/** What is to be uploaded and where. */
export interface UploadTask {
  readonly api: Api;
  readonly sizes: ChunkSizes;
  /** With the prefix. */
  readonly repository: string;
  readonly descriptor: Descriptor;
  readonly open: OpenBlob;
  /** Repositories, with the prefix, that may have the blob. */
  readonly from: readonly string[];
  readonly onBytes: ((count: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/** New uploads begun for one blob because the registry forgot the one before. */
const MOST_RESTARTS = 3;
/** Times that one blob goes on at another offset than we thought. */
const MOST_REPOSITIONS = 10;
/** Fresh tokens that may be refused in a row. */
const MOST_RENEWALS = 2;

interface Progress {
  session: UploadSession;
  /** Bytes that the registry said it has. */
  offset: number;
  /** The farthest byte reported to the listener. */
  reported: number;
  /** New uploads since the last time that bytes were gained, and where that was. */
  restarts: { at: number; count: number };
  repositions: number;
  /** Tokens renewed since the last time that bytes were gained. */
  renewals: { at: number; count: number };
  /** Failed answers in a row at one offset. */
  failures: { offset: number; count: number };
  expectContinue: boolean;
}

/**
 * Sends a blob: mounted when one of `from` has it, else streamed in one request, or in chunks where the way does
 * not take large bodies. A broken upload goes on at the byte the registry has reached.
 * @throws AirgapError of the registry and of the source
 */
export async function uploadBlob(task: UploadTask): Promise<PutOutcome> {
  const session = await startUpload(task.api, task, task.from);
  if (session === 'mounted') return 'mounted';
  const feed = createFeed(task.descriptor, task.open, task.signal);
  const progress: Progress = {
    session,
    offset: 0,
    reported: 0,
    restarts: { at: 0, count: 0 },
    repositions: 0,
    renewals: { at: 0, count: 0 },
    failures: { offset: -1, count: 0 },
    expectContinue: false,
  };
  try {
    await task.api.retrying(() => attempt(task, progress, feed), {
      signal: task.signal,
      progress: () => progress.reported,
    });
    return 'sent';
  } finally {
    feed.close();
  }
}

/** One try from where the registry stands. What can be mended at once is; the rest is thrown to be retried. */
async function attempt(task: UploadTask, progress: Progress, feed: BlobFeed): Promise<void> {
  for (;;) {
    try {
      await task.api.gate.pass(() => sendRest(task, progress, feed), task.signal);
      return;
    } catch (error) {
      task.signal?.throwIfAborted();
      feed.close();
      const again = await recover(task, progress, feed, error);
      if (again === 'wait') throw error;
    }
  }
}

async function sendRest(task: UploadTask, progress: Progress, feed: BlobFeed): Promise<void> {
  const { size } = task.descriptor;
  for (;;) {
    const chunk = task.sizes.current(progress.session.minimum);
    const rest = size - progress.offset;
    // Chunked all the way: the closing request is then without a body, as every registry takes it.
    if (chunk === undefined && progress.offset === 0) return finish(task, progress, feed, rest);
    if (rest === 0) return finish(task, progress, feed, 0);
    await sendChunk(task, progress, feed, Math.min(chunk ?? rest, rest));
  }
}

/** PATCH with one chunk; the answer says where the registry stands. */
async function sendChunk(
  task: UploadTask,
  progress: Progress,
  feed: BlobFeed,
  length: number,
): Promise<void> {
  const { api, signal } = task;
  const start = progress.offset;
  const answer = await api.send({
    method: 'PATCH',
    to: progress.session.url,
    scopes: progress.session.scopes,
    what: whatOf(task),
    headers: {
      'content-type': 'application/octet-stream',
      'content-range': `${start}-${start + length - 1}`,
    },
    body: { length, chunks: feed.take(start, length), onFlushed: counter(task, progress, start) },
    expectContinue: progress.expectContinue,
    ...(signal ? { signal } : {}),
  });
  if (answer.status !== 202 && answer.status !== 204) throw await api.fail(answer, whatOf(task));
  answer.body.resume();
  progress.session = progress.session.after(answer);
  const reached = progress.session.reached ?? start + length;
  if (reached !== start + length) reposition(task, progress, feed, reached);
  progress.offset = reached;
}

/** PUT with the digest: with all of the body, or none when chunks went before. */
async function finish(task: UploadTask, progress: Progress, feed: BlobFeed, length: number): Promise<void> {
  const { api, descriptor, signal } = task;
  const url = new URL(progress.session.url);
  url.searchParams.set('digest', descriptor.digest);
  const start = progress.offset;
  const body = { length, chunks: feed.take(start, length), onFlushed: counter(task, progress, start) };
  const answer = await api.send({
    method: 'PUT',
    to: url,
    scopes: progress.session.scopes,
    what: whatOf(task),
    headers: { 'content-type': 'application/octet-stream' },
    ...(length > 0 || start === 0 ? { body } : {}),
    expectContinue: progress.expectContinue && length > 0,
    ...(signal ? { signal } : {}),
  });
  if (answer.status !== 201 && answer.status !== 204) throw await api.fail(answer, whatOf(task));
  answer.body.resume();
  const said = answer.headers['docker-content-digest'];
  if (typeof said === 'string' && said.startsWith('sha256:') && said !== descriptor.digest) {
    throw new AirgapError('REGISTRY_CONTENT', `${whatOf(task)}: it was stored as something else`, {
      expected: descriptor.digest,
      found: said.slice(0, 100),
    });
  }
  report(task, progress, descriptor.size);
}

/** Decides what follows a failure: `again` at once, or `wait` for the caller's back-off (or its giving up). */
async function recover(
  task: UploadTask,
  progress: Progress,
  feed: BlobFeed,
  error: unknown,
): Promise<'again' | 'wait'> {
  const answer = answerOf(error);
  if (answer?.status === 413) {
    if (task.sizes.shrink(progress.session.minimum)) return restart(task, progress, error, 'size');
    throw tooLarge(task, error);
  }
  if (answer?.status === 416) {
    progress.repositions += 1;
    if (progress.repositions > MOST_REPOSITIONS) throw error;
    return resync(task, progress, feed, error);
  }
  if (isForgotten(answer)) return restart(task, progress, error, 'forgotten');
  if (isAirgapError(error) && error.cause instanceof TokenRenewed) {
    if (count(progress.renewals, progress.reported) > MOST_RENEWALS) throw error;
    return resync(task, progress, feed, error);
  }
  if (answer) {
    suspectStorage(task, progress, answer, error);
    if (answer.status < 500 && answer.status !== 408 && answer.status !== 429 && answer.status !== 499)
      throw error;
    await resync(task, progress, feed, error).catch(() => undefined);
    return 'wait';
  }
  if (!isAirgapError(error, 'REGISTRY_FAILED')) throw error;
  // The connection broke: an early refusal may have been lost with it, so the next body waits for its invitation.
  progress.expectContinue = true;
  await resync(task, progress, feed, error).catch(() => undefined);
  return 'wait';
}

/** Asks where the registry stands and goes on there, or begins anew when it does not know. */
async function resync(
  task: UploadTask,
  progress: Progress,
  feed: BlobFeed,
  error: unknown,
): Promise<'again'> {
  const status = await uploadStatus(task.api, progress.session, whatOf(task), task.signal);
  const reached = status?.reached;
  if (!status || reached === undefined || reached > feed.handed) {
    return restart(task, progress, error, 'forgotten');
  }
  progress.session = status;
  progress.offset = reached;
  return 'again';
}

async function restart(
  task: UploadTask,
  progress: Progress,
  error: unknown,
  why: 'size' | 'forgotten',
): Promise<'again'> {
  if (why === 'forgotten') {
    if (count(progress.restarts, progress.reported) > MOST_RESTARTS) throw forgotten(task, error);
  }
  const session = await startUpload(task.api, task, []);
  if (session === 'mounted') throw error;
  progress.session = session;
  progress.offset = 0;
  return 'again';
}

function reposition(task: UploadTask, progress: Progress, feed: BlobFeed, reached: number): void {
  progress.repositions += 1;
  if (reached <= feed.handed && progress.repositions <= MOST_REPOSITIONS) return;
  throw new AirgapError('REGISTRY_PROTOCOL', whatOf(task), {
    expected: `an upload of at most ${feed.handed} bytes`,
    found: `the registry says it has ${reached} bytes`,
  });
}

/** The registry does not know the upload: it was restarted, or another replica answers. */
function isForgotten(answer: RegistryAnswer | undefined): boolean {
  if (!answer) return false;
  return answer.status === 404 || answer.has('BLOB_UPLOAD_INVALID') || answer.has('BLOB_UPLOAD_UNKNOWN');
}

function suspectStorage(task: UploadTask, progress: Progress, answer: RegistryAnswer, error: unknown): void {
  const { failures, offset } = progress;
  const certain = isStorageFault(answer);
  if (!certain && answer.status !== 500) return;
  failures.count = failures.offset === offset ? failures.count + 1 : 1;
  failures.offset = offset;
  if (failures.count < (certain ? 2 : 4)) return;
  throw new AirgapError('REGISTRY_STORAGE', `${whatOf(task)}: registry storage suspected to be full`, {
    expected: `room for ${task.descriptor.size} bytes`,
    found: `${failures.count} times ${answer.status} at byte ${offset}`,
    cause: error,
  });
}

function tooLarge(task: UploadTask, cause: unknown): AirgapError {
  return new AirgapError('REGISTRY_TOO_LARGE', `${whatOf(task)}: even chunks of 5 MiB are refused`, {
    found: '413',
    cause,
  });
}

function forgotten(task: UploadTask, cause: unknown): AirgapError {
  return new AirgapError('REGISTRY_FAILED', `${whatOf(task)}: the registry keeps forgetting the upload`, {
    expected: `an upload that lives until it is finished (begun ${MOST_RESTARTS + 1} times)`,
    ...(isAirgapError(cause) && cause.found !== undefined ? { found: cause.found } : {}),
    hint: 'if the registry has several replicas, give them one http.secret or make sessions sticky',
    cause,
  });
}

/** Counts in a row without a byte gained. */
function count(tally: { at: number; count: number }, reported: number): number {
  tally.count = reported > tally.at ? 1 : tally.count + 1;
  tally.at = reported;
  return tally.count;
}

function counter(task: UploadTask, progress: Progress, start: number): (count: number) => void {
  let at = start;
  return (flushed) => {
    at += flushed;
    report(task, progress, at);
  };
}

/** Reported bytes never go back: a repeated stretch is counted once. */
function report(task: UploadTask, progress: Progress, reached: number): void {
  if (reached <= progress.reported) return;
  task.onBytes?.(reached - progress.reported);
  progress.reported = reached;
}

function whatOf(task: UploadTask): string {
  return `blob ${task.descriptor.digest} cannot be sent to ${task.api.host}/${task.repository}`;
}
