import { Parser } from 'tar';
import { AirgapError } from '../errors.js';
import { parseYaml } from '../yaml.js';
import { isMap, mergeValues, type Values } from './values.js';

/** Bytes of one file of a chart that is read, and how deep charts lie in charts. */
const MOST_BYTES = 5 * 1024 * 1024;
const MOST_DEPTH = 5;

/**
 * The default values of a packed chart with those of its subcharts below their names (or aliases), as helm lays
 * them: what the chart itself says about a subchart goes over the subchart's own.
 * @param what the chart's name, for messages
 * @throws AirgapError CHART_INVALID, YAML_INVALID
 */
export async function readChartDefaults(tgz: Buffer, what: string): Promise<Values> {
  const files = await readFiles(tgz, what);
  const [top] = [...files.keys()].map((path) => path.split('/')[0] ?? '');
  return defaultsOf(files, top ?? '', { what, depth: 0 });
}

interface Place {
  readonly what: string;
  readonly depth: number;
}

async function defaultsOf(files: ReadonlyMap<string, Buffer>, folder: string, place: Place): Promise<Values> {
  const own = readMap(files.get(`${folder}/values.yaml`), `${place.what}: values.yaml`);
  if (place.depth >= MOST_DEPTH) return own;
  const meta = readMap(files.get(`${folder}/Chart.yaml`), `${place.what}: Chart.yaml`);
  let below: Values = {};
  for (const [name, values] of await subcharts(files, folder, place)) {
    for (const alias of namesOf(meta, name)) below = mergeValues(below, { [alias]: values });
  }
  return mergeValues(below, own);
}

async function subcharts(
  files: ReadonlyMap<string, Buffer>,
  folder: string,
  { what, depth }: Place,
): Promise<[string, Values][]> {
  const prefix = `${folder}/charts/`;
  const found: [string, Values][] = [];
  const folders = new Set<string>();
  for (const [path, bytes] of files) {
    if (!path.startsWith(prefix)) continue;
    const [first = '', ...rest] = path.slice(prefix.length).split('/');
    if (rest.length > 0) folders.add(first);
    else if (first.endsWith('.tgz')) {
      const inner = await readFiles(bytes, `${what}: ${first}`);
      const [top] = [...inner.keys()].map((name) => name.split('/')[0] ?? '');
      const values = await defaultsOf(inner, top ?? '', { what: `${what}: ${first}`, depth: depth + 1 });
      found.push([top ?? '', values]);
    }
  }
  for (const name of folders) {
    const values = await defaultsOf(files, `${prefix}${name}`, {
      what: `${what}: ${name}`,
      depth: depth + 1,
    });
    found.push([name, values]);
  }
  return found;
}

/** Under which keys the parent's values speak of a subchart. */
function namesOf(meta: Values, name: string): string[] {
  const list = Array.isArray(meta['dependencies']) ? meta['dependencies'] : [];
  const entries = list.filter(isMap).filter((entry) => entry['name'] === name);
  return entries.length === 0 ? [name] : entries.map((entry) => String(entry['alias'] ?? name));
}

function readMap(bytes: Buffer | undefined, where: string): Values {
  const value = bytes === undefined ? undefined : parseYaml(bytes.toString('utf8'), where);
  return isMap(value) ? value : {};
}

/** Chart.yaml, values.yaml and packed subcharts; everything else is skipped. */
async function readFiles(tgz: Buffer, what: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const wanted = (path: string): boolean =>
    /(^|\/)(Chart\.yaml|values\.yaml)$|\/charts\/[^/]+\.tgz$/.test(path);
  await new Promise<void>((resolve, reject) => {
    const parser = new Parser({
      strict: true,
      onReadEntry: (entry) => {
        if (entry.type !== 'File' || !wanted(entry.path) || entry.size > MOST_BYTES) {
          entry.resume();
          return;
        }
        const chunks: Buffer[] = [];
        entry.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
        entry.on('end', () => files.set(entry.path.replace(/^\.\//, ''), Buffer.concat(chunks)));
      },
    });
    parser.on('end', resolve);
    parser.on('error', reject);
    parser.end(tgz);
  }).catch((error: unknown) => {
    throw new AirgapError('CHART_INVALID', `${what} cannot be unpacked`, { cause: error });
  });
  if (files.size > 0) return files;
  throw new AirgapError('CHART_INVALID', `${what} holds no chart`, {
    expected: 'Chart.yaml',
    found: 'no such file',
  });
}
