import type { ImagesReport } from '../pack/report.js';
import { printable } from '../redact.js';
import { excludedLines, hintLines, imageTable, lockLines } from './pack.js';
import { plural } from './units.js';

/** The images of a spec for people; ends with a newline. */
export function formatImages(report: ImagesReport, { detail }: { readonly detail: 'names' | 'why' }): string {
  const { images, excluded, hints, lock } = report;
  const lines = detail === 'why' ? whyLines(report) : imageTable(images);
  const counted = `${plural(images.length, 'image')}, ${excluded.length} left out`;
  return `${[
    ...lines,
    '',
    counted,
    ...(lock.written ? [`lock written: ${lock.path}`] : []),
    ...lockLines(lock),
    ...(detail === 'why' ? hintLines(hints) : []),
  ].join('\n')}\n`;
}

function whyLines({ images, excluded }: ImagesReport): string[] {
  return [
    ...images.flatMap(({ source, target, reasons }) => [
      `${source} -> ${target}`,
      ...reasons.map((reason) => `    ${printable(reason, 400)}`),
    ]),
    ...excludedLines(excluded),
  ];
}
