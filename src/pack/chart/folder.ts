import { lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Header } from 'tar';
import { AirgapError, systemCode } from '../../errors.js';
import { parseYaml } from '../../yaml.js';
import { storedGzip } from './gzip.js';
import { type Ignore, parseIgnore } from './ignore.js';

interface ChartFile {
  /** Relative to the chart, with /. */
  readonly path: string;
  readonly bytes: Buffer;
}

/**
 * Packs a chart's folder into a tgz: the files that helm package would take, sorted, with fixed owner, mode and
 * time, so that the same folder gives the same bytes.
 * @param given the folder as the user named it, for messages
 * @throws AirgapError CHART_INVALID, CHART_NOT_FOUND
 */
export async function packChartFolder(folder: string, given: string, limit: number): Promise<Buffer> {
  const ignore = parseIgnore(await optionalText(join(folder, '.helmignore')));
  const files = await collect(folder, '', { ignore, given, left: { bytes: limit } });
  const metadata = files.find((file) => file.path === 'Chart.yaml');
  if (!metadata) {
    throw new AirgapError('CHART_NOT_FOUND', `${given} is not a chart`, { expected: 'a Chart.yaml in it' });
  }
  const document = parseYaml(metadata.bytes.toString('utf8'), `${given}/Chart.yaml`) as { name?: unknown };
  const name = typeof document?.name === 'string' ? document.name : 'chart';
  const sorted = files.sort((one, other) => (one.path < other.path ? -1 : 1));
  const blocks = sorted.flatMap((file) => entryBlocks(`${name}/${file.path}`, file.bytes, given));
  return storedGzip(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

interface Walk {
  readonly ignore: Ignore;
  readonly given: string;
  readonly left: { bytes: number };
}

async function collect(root: string, below: string, walk: Walk): Promise<ChartFile[]> {
  const files: ChartFile[] = [];
  for (const name of await readdir(join(root, below))) {
    const path = below === '' ? name : `${below}/${name}`;
    const info = await lstat(join(root, path));
    if (walk.ignore(path, { folder: info.isDirectory() })) continue;
    if (info.isDirectory()) {
      files.push(...(await collect(root, path, walk)));
    } else if (info.isFile()) {
      walk.left.bytes -= info.size;
      if (walk.left.bytes < 0)
        throw new AirgapError('CHART_INVALID', `${walk.given} is too large for a chart`);
      files.push({ path, bytes: await readFile(join(root, path)) });
    } else {
      throw new AirgapError('CHART_INVALID', `${walk.given}/${path} is no regular file`, {
        hint: 'replace links by the files they point to, or name it in .helmignore',
      });
    }
  }
  return files;
}

function entryBlocks(path: string, bytes: Buffer, given: string): Buffer[] {
  const block = Buffer.alloc(512);
  const mtime = new Date(0);
  const header = new Header({ path, mode: 0o644, uid: 0, gid: 0, size: bytes.length, mtime, type: 'File' });
  const needsPax = header.encode(block, 0);
  if (needsPax) {
    throw new AirgapError('CHART_INVALID', `${given} has a path that is too long for a chart`, {
      found: path,
    });
  }
  return [block, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
}

async function optionalText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  }
}
