import type { LockChange } from '../pack/lock/compare.js';
import type { ImageLine, PackReport } from '../pack/report.js';
import { printable } from '../redact.js';
import { formatTable } from './table.js';
import { formatBytes, formatExactBytes, plural } from './units.js';

/** Changes of the lock shown before the rest is only counted. */
const MOST_CHANGES = 20;

/** What a pack did, or would do, for people; ends with a newline. */
export function formatPackReport(report: PackReport): string {
  const lines = report.outcome === 'planned' ? planLines(report) : packedLines(report);
  return `${[...lines, ...lockLines(report.lock), ...hintLines(report.hints)].join('\n')}\n`;
}

/** The table of images: name at the site, size, source. */
export function imageTable(images: readonly ImageLine[]): string[] {
  const rows = images.map(({ target, size, platforms, digest, source }) => [
    target,
    size === undefined ? '-' : formatBytes(size),
    platforms?.join(',') || '-',
    digest ? digest.slice(7, 19) : '-',
    source,
  ]);
  const columns = [
    { title: 'AT THE SITE' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'PLATFORMS' },
    { title: 'DIGEST' },
    { title: 'SOURCE' },
  ];
  return formatTable(columns, rows);
}

/** Texts that look like images and that nothing carries; they are no errors. */
export function hintLines(hints: PackReport['hints']): string[] {
  if (hints.length === 0) return [];
  return [
    '',
    `Not carried, but named outside of pod specifications (${hints.length}); add what is pulled at run time to images.include:`,
    ...hints.map(({ image, where }) => `  ${printable(image, 300)}  in ${printable(where, 300)}`),
  ];
}

export function changeLine(change: LockChange): string {
  const sign = { added: '+', removed: '-', changed: '~' }[change.what];
  const values = [change.before, change.after].filter((value) => value !== undefined);
  return `  ${sign} ${printable(change.subject, 300)}: ${values.map((value) => printable(value, 300)).join(' -> ')}`;
}

export function lockLines({ path, changes }: PackReport['lock']): string[] {
  if (changes.length === 0) return [];
  const more = changes.length - MOST_CHANGES;
  return [
    '',
    `Changed since the last lock (${path}):`,
    ...changes.slice(0, MOST_CHANGES).map(changeLine),
    ...(more > 0 ? [`  … and ${more} more`] : []),
  ];
}

function planLines(report: PackReport): string[] {
  const { images, charts, crds, tools, blobs } = report;
  return [
    `${report.product} ${report.version}: the plan, nothing was written`,
    '',
    ...imageTable(images),
    '',
    ...charts.map(({ entry, origin }) => `chart  ${entry}  from ${printable(origin, 300)}`),
    ...(crds.length > 0 ? [`CRDs   ${plural(crds.length, 'definition')}`] : []),
    ...tools.map(({ entry, origin }) => `tool   ${entry}  from ${printable(origin, 300)}`),
    ...excludedLines(report.excluded),
    '',
    `${plural(images.length, 'image')}, ${plural(blobs.count, 'blob')} of ${formatBytes(blobs.bytes)}${inBase(report)}`,
    `the bundle would be ${formatExactBytes(report.size)}, bundle id ${report.bundleId}`,
  ];
}

function packedLines(report: PackReport): string[] {
  const { paths, size, bundleId, images, charts, blobs, written } = report;
  const files = paths.length === 1 ? (paths[0] ?? '') : `${paths[0]} and ${paths.length - 1} more parts`;
  const reused = written && written.reused > 0 ? `, ${formatBytes(written.reused)} from an earlier pack` : '';
  return [
    `packed     ${files}`,
    `size       ${formatExactBytes(size)}${reused}`,
    `bundle id  ${bundleId}`,
    `content    ${plural(images.length, 'image')} (${plural(blobs.count, 'blob')}), ${plural(charts.length, 'chart')}${inBase(report)}`,
  ];
}

export function excludedLines(excluded: PackReport['excluded']): string[] {
  return excluded.map(
    ({ source, reason }) => `left out  ${printable(source, 300)}: ${printable(reason, 300)}`,
  );
}

function inBase({ inBase: bytes }: PackReport): string {
  return bytes > 0 ? `; ${formatBytes(bytes)} stay in the base bundle` : '';
}
