import { type Figure, seconds } from './bench.js';
import type { Standing } from './contest.js';

/** The line of a contest: our median against the best peer's. */
export function costCells(what: string, [ours, ...peers]: readonly Standing[], budget: number): Figure {
  const sorted = [...peers].sort((a, b) => a.cost.wall - b.cost.wall);
  const wall = ours?.cost.wall ?? Number.NaN;
  const ratio = wall / (sorted[0]?.cost.wall ?? Number.NaN);
  return {
    what,
    ours: seconds(wall),
    peers: sorted.map(({ name, cost }) => `${name} ${seconds(cost.wall)}`).join(', '),
    ratio: ratio.toFixed(2),
    budget: `<= ${budget.toFixed(2)}`,
    ok: ratio <= budget,
  };
}

const COLUMNS = ['what', 'ours', 'peers', 'ratio', 'budget'] as const;

/** The figures as a table of Markdown. */
export function formatFigures(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    ...COLUMNS.map((column) => figure[column]),
    figure.ok ? 'ok' : 'MISSED',
  ]);
  const all = [[...COLUMNS, ''], ...rows];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const format = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  const [head, ...body] = all.map(format);
  return [head, rule, ...body].join('\n');
}
