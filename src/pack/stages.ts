import type { layoutBundle } from '../bundle/layout.js';
import { type WriteReport, writeBundle } from '../bundle/writer.js';
import { AirgapError, isAirgapError } from '../errors.js';
import { entryContents } from './contents.js';
import { type CoverOptions, coverCharts } from './discover/coverage.js';
import { createRender } from './discover/helm.js';
import type { Selection } from './discover/select.js';
import type { knownImages } from './locking.js';
import { gatherMaterials, type Materials } from './materials.js';
import type { CommonPackOptions, PackOptions } from './options.js';
import type { Findings } from './plan.js';
import { asLackingBlob } from './resolve/lacking.js';
import { resolveImages } from './resolve/resolve.js';
import type { ResolvedImage } from './resolve/types.js';
import type { Session } from './session.js';
import { inStage } from './stage.js';

/** Charts, CRDs and tools, brought and checked. */
export async function gather(
  { spec, sources, files }: Session,
  { emit }: CommonPackOptions,
): Promise<Materials> {
  return inStage(
    emit,
    { stage: 'charts', title: 'charts, CRDs and tools' },
    () => gatherMaterials(spec, sources, files),
    ({ charts, crds, tools }) =>
      `${charts.length} charts, ${crds?.names.length ?? 0} CRDs, ${tools.length} tools`,
  );
}

/** The images that the spec and its charts ask for. `images`: whether the site redirects them to its own registry. */
export async function select(
  session: Session,
  materials: Materials,
  options: CommonPackOptions & Partial<Pick<CoverOptions, 'images'>>,
): Promise<Selection> {
  const { spec, workFolder } = session;
  const { env, emit, signal, helm, platform, images = 'redirected' } = options;
  const carried = materials.tools.find((tool) => tool.name === 'helm' && tool.platform === platform)?.path;
  const helmOptions = { env, emit, workFolder, ...(helm ? { helm } : {}), ...(carried ? { carried } : {}) };
  const selection = await inStage(
    emit,
    { stage: 'discover', title: spec.images.discover ? 'images that the charts name' : 'images' },
    () =>
      coverCharts(spec, materials, {
        createRender: () => createRender(helmOptions),
        workFolder,
        images,
        signal,
      }),
    ({ wanted, excluded }) => `${wanted.length} images, ${excluded.length} excluded`,
  );
  for (const text of selection.warnings) emit({ type: 'note', level: 'warn', text });
  return selection;
}

type ResolveSettings = CommonPackOptions & {
  readonly mode: PackOptions['mode'];
  readonly known: ReturnType<typeof knownImages>;
};

/** What every image's name stands for, with all its blobs. */
export async function resolveAll(
  { spec, sources }: Session,
  { wanted }: Selection,
  options: ResolveSettings,
): Promise<ResolvedImage[]> {
  const { emit, signal, mode, known } = options;
  const concurrency = options.concurrency * 2;
  return inStage(
    emit,
    { stage: 'resolve', title: 'what the names stand for' },
    () =>
      resolveImages(wanted, sources, { platforms: spec.platforms, concurrency, known, mode, emit, signal }),
    (images) => `${images.length} images`,
  );
}

/** The bundle, written or finished. */
export async function write(
  {
    findings,
    layout,
    output,
  }: { findings: Findings; layout: ReturnType<typeof layoutBundle>; output: string },
  { emit, signal, concurrency, split }: PackOptions,
): Promise<WriteReport> {
  return inStage(
    emit,
    { stage: 'write', title: output },
    () =>
      writeBundle(output, layout, entryContents(findings), {
        concurrency,
        signal,
        ...(split === undefined ? {} : { split }),
        onProgress: (done, current) =>
          emit({ type: 'progress', stage: 'write', done, total: layout.totalSize, unit: 'bytes', current }),
      }).catch((error: unknown) => {
        throw signal.aborted && !isAirgapError(error) ? interrupted(output, error) : asLackingBlob(error);
      }),
    ({ size, bundleId }) => `${size} bytes, bundle id ${bundleId}`,
  );
}

/** Entries that were complete stay in OUTPUT.partial. */
function interrupted(output: string, cause: unknown): AirgapError {
  return new AirgapError(
    'INTERRUPTED',
    `the pack was interrupted; what is complete is kept in ${output}.partial`,
    {
      cause,
    },
  );
}

/** The spec's date, else SOURCE_DATE_EPOCH, else 0: never the clock. */
export function sourceDateOf({ spec }: Session, { env }: CommonPackOptions): number {
  if (spec.sourceDate !== undefined) return spec.sourceDate;
  const text = env.SOURCE_DATE_EPOCH;
  if (text === undefined || text === '') return 0;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new AirgapError('USAGE', 'SOURCE_DATE_EPOCH is no number of seconds', { found: text.slice(0, 40) });
}
