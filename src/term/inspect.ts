import type { InspectReport } from '../bundle/inspect.js';
import { printable } from '../redact.js';
import { describeSignature } from './signature.js';
import { formatTable } from './table.js';
import { formatBytes, formatExactBytes, plural } from './units.js';

/** What a bundle holds, for people. */
export function formatInspect(report: InspectReport): string {
  const sections = [
    head(report),
    chartSection(report),
    imageSection(report),
    toolSection(report),
    totals(report),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function head(report: InspectReport): string[] {
  const requires = Object.entries(report.requires).map(([name, range]) => `${name} ${range}`);
  const rows: [string, string | undefined][] = [
    ['file', `${report.path}${report.parts > 1 ? ` (${report.parts} parts)` : ''}`],
    ['size', formatExactBytes(report.size)],
    ['bundle id', report.bundleId],
    ['signature', describeSignature(report.signature)],
    ['sequence', report.sequence?.toString()],
    ['source date', new Date(report.sourceDate * 1000).toISOString()],
    ['platforms', report.platforms.join(', ')],
    ['requires', requires.join(', ') || undefined],
    ['upgrade', report.upgrade && `from ${report.upgrade.from}`],
    ['target names', report.relocate],
    ['needs airgap', report.minTool],
    ['coverage', report.coverage === 'rendered' ? 'charts were rendered' : 'NOT checked against the charts'],
    ['delta of', report.base && `${report.base.version}, bundle id ${report.base.bundleId}`],
    [
      'CRDs',
      report.crds.size > 0
        ? `${formatBytes(report.crds.size)} from ${report.crds.sources.join(', ')}`
        : 'none',
    ],
  ];
  const lines = rows
    .filter((row): row is [string, string] => row[1] !== undefined)
    .map(([name, value]) => `  ${name.padEnd(13)} ${printable(value, 4096)}`);
  return [printable(`${report.product} ${report.version}`), ...lines];
}

function chartSection({ charts }: InspectReport): string[] {
  if (charts.length === 0) return [];
  const columns = [
    { title: 'CHART' },
    { title: 'VERSION' },
    { title: 'ROLE' },
    { title: 'RELEASE' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'PATH' },
  ];
  const rows = charts.map((chart) => [
    chart.name,
    chart.version,
    chart.role,
    `${chart.namespace}/${chart.release}`,
    formatBytes(chart.size),
    chart.path,
  ]);
  return formatTable(columns, rows.map(safeRow));
}

function imageSection({ images }: InspectReport): string[] {
  if (images.length === 0) return [];
  const columns = [
    { title: 'IMAGE' },
    { title: 'PLATFORMS' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'UNIQUE', align: 'right' as const },
    { title: 'SHARED', align: 'right' as const },
    { title: 'DIGEST' },
    { title: 'SOURCE' },
  ];
  const rows = images.map((image) => [
    image.target,
    image.platforms.join(',') + (image.filteredFrom ? ' (index made anew)' : ''),
    formatBytes(image.size),
    formatBytes(image.unique),
    formatBytes(image.shared),
    `${image.digest.slice(0, 19)}…`,
    image.source,
  ]);
  return formatTable(columns, rows.map(safeRow));
}

function toolSection({ tools }: InspectReport): string[] {
  if (tools.length === 0) return [];
  const columns = [
    { title: 'TOOL' },
    { title: 'VERSION' },
    { title: 'PLATFORM' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'PATH' },
  ];
  const rows = tools.map((tool) => [
    tool.name,
    tool.version ?? '',
    tool.platform,
    formatBytes(tool.size),
    tool.path,
  ]);
  return formatTable(columns, rows.map(safeRow));
}

function totals({ images, totals: sums, base }: InspectReport): string[] {
  const saved = sums.logical - sums.stored;
  const lines = [
    `${plural(images.length, 'image')}, ${plural(sums.blobs, 'blob')}: ${formatBytes(sums.stored)} stored once` +
      (saved > 0 ? `, ${formatBytes(saved)} saved by sharing` : ''),
  ];
  if (base)
    lines.push(
      `of which ${plural(base.blobs, 'blob')} with ${formatBytes(base.size)} are in the base, not in this file`,
    );
  return lines;
}

function safeRow(cells: readonly string[]): string[] {
  return cells.map((cell) => printable(cell, 600));
}
