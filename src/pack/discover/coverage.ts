import { AirgapError } from '../../errors.js';
import type { Materials } from '../materials.js';
import type { Spec } from '../spec/types.js';
import { discover, type Render } from './discover.js';
import { redirectFaults } from './redirect.js';
import { type Selection, selectImages } from './select.js';

export interface CoverOptions {
  /** Called only when charts are to be rendered. */
  readonly createRender: () => Promise<Render>;
  readonly workFolder: string;
  /** `left`: images stay where the charts say, so nothing has to be redirected. */
  readonly images: 'redirected' | 'left';
  readonly signal?: AbortSignal;
}

/**
 * Finds the images of the bundle: those listed, and those that the rendered charts name. With the charts' images
 * redirected, every one must be found below the site's registry.
 * @throws AirgapError CHART_INVALID, REFERENCE_INVALID, IMAGE_TARGET_COLLISION, IMAGE_MISSING_IN_BUNDLE, HELM_MISSING
 */
export async function coverCharts(
  spec: Spec,
  { charts }: Materials,
  options: CoverOptions,
): Promise<Selection> {
  if (!spec.images.discover) {
    const selection = selectImages(spec, { images: [], hints: [] });
    const warning =
      'images.discover is false: NOBODY CHECKED that the bundle has every image the charts need';
    return { ...selection, warnings: [warning, ...selection.warnings] };
  }
  const plainly = charts.map((chart) => ({ ...chart, imageValues: {} }));
  const found = await discover(options.images === 'left' ? plainly : charts, {
    render: await options.createRender(),
    workFolder: options.workFolder,
    ...(spec.requires.kubernetes === undefined ? {} : { kubernetes: spec.requires.kubernetes }),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const selection = selectImages(spec, {
    images: found.flatMap(({ plain }) => plain.images),
    hints: found.flatMap(({ plain }) => plain.hints),
  });
  if (options.images === 'left') return selection;
  const faults = found.flatMap(({ chart, plain, redirected }) =>
    redirected
      ? redirectFaults({ chart, plain: plain.images, redirected: redirected.images, selection })
      : [],
  );
  if (faults.length > 0) {
    throw new AirgapError(
      'IMAGE_MISSING_IN_BUNDLE',
      'at the site, charts would ask for images it will not have',
      {
        faults,
        hint: "add the keys to the chart's imageValues, or a target to the image, or exclude it with a reason",
      },
    );
  }
  const unredirected = found
    .filter(({ redirected, plain }) => !redirected && plain.images.length > 0)
    .map(
      ({ chart }) =>
        `chart ${chart.chart.name} has no imageValues: the site will look for its images where the chart says`,
    );
  return { ...selection, warnings: [...selection.warnings, ...unredirected] };
}
