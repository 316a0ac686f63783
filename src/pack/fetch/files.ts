import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AirgapError, type ErrorCode, systemCode } from '../../errors.js';
import { asWriteError } from '../../io/atomic.js';
import { CRD_LIMITS, type CrdFile } from '../crds.js';
import type { FileSpec, ToolSpec } from '../spec/types.js';
import { download, type HttpOptions, readBody } from './http.js';

/** A tool on the local disk, ready to be carried. */
export interface ToolFile extends ToolSpec {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
  readonly origin: string;
  /** Its entry in the bundle. */
  readonly entry: string;
}

export interface FileOptions extends HttpOptions {
  /** A folder of this run, for what is downloaded. */
  readonly workFolder: string;
}

/** Reads one CRD file. @throws AirgapError SOURCE_MISSING, CRDS_INVALID and what downloading throws */
export async function readCrds(source: FileSpec, options: FileOptions): Promise<CrdFile> {
  const origin = originOf(source);
  const read = (body: Readable): Promise<Buffer> => readBody(body, CRD_LIMITS.size, origin);
  const bytes =
    source.kind === 'url'
      ? await download(source.url, read, { ...options, what: 'the CRD file', missing: 'SOURCE_MISSING' })
      : await local(source.path, `the CRD file ${origin}`, () => read(createReadStream(source.path)));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  requireSum(sha256, source.sha256, { origin, code: 'CRDS_INVALID' });
  return { origin, bytes, sha256 };
}

/** Brings one tool to the local disk and takes its checksum. @throws AirgapError SOURCE_MISSING, TOOL_CHECKSUM */
export async function readTool(tool: ToolSpec, options: FileOptions): Promise<ToolFile> {
  const origin = originOf(tool.source);
  const entry = `tools/${tool.platform.replaceAll('/', '-')}/${tool.name}`;
  const path =
    tool.source.kind === 'path' ? tool.source.path : join(options.workFolder, entry.replaceAll('/', '-'));
  if (tool.source.kind === 'url') {
    const save = (body: Readable): Promise<void> => saveBody(body, path);
    await download(tool.source.url, save, { ...options, what: 'the tool', missing: 'SOURCE_MISSING' });
  }
  const { sha256, size } = await local(path, `the tool ${origin}`, () => hashFile(path));
  requireSum(sha256, tool.source.sha256, { origin, code: 'TOOL_CHECKSUM' });
  return { ...tool, path, size, sha256, origin, entry };
}

/** SHA-256 and size of a file, in one pass. */
export async function hashFile(path: string): Promise<{ readonly sha256: string; readonly size: number }> {
  const info = await stat(path);
  if (!info.isFile()) throw Object.assign(new Error('no regular file'), { code: 'EISDIR' });
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { sha256: hash.digest('hex'), size };
}

function originOf(source: FileSpec): string {
  return source.kind === 'url' ? source.url : source.given;
}

async function saveBody(body: Readable, path: string): Promise<void> {
  const file = createWriteStream(path, { mode: 0o700 });
  try {
    await pipeline(body, file);
  } catch (error) {
    throw asWriteError(error, path);
  }
}

async function local<T>(path: string, what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof AirgapError) throw cause;
    const code = systemCode(cause);
    throw new AirgapError('SOURCE_MISSING', `${what} cannot be read`, { found: `${path}: ${code}`, cause });
  }
}

function requireSum(
  found: string,
  expected: string | undefined,
  { origin, code }: { readonly origin: string; readonly code: ErrorCode },
): void {
  if (expected === undefined || expected === found) return;
  throw new AirgapError(code, `${origin} does not have the checksum that the spec gives`, {
    expected: `sha256:${expected}`,
    found: `sha256:${found}`,
  });
}
