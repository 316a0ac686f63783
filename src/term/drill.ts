import type { DrillPlan, DrillReport } from '../recovery/drill.js';
import { printable, redact } from '../redact.js';
import { formatBytes, formatDuration, plural } from './units.js';

/** What a drill is going to do, for --dry-run. */
export function formatDrillPlan(path: string, plan: DrillPlan): string {
  const { namespace, image, room, databases } = plan;
  const names = databases.map(({ name }) => name).join(', ');
  return text([
    `drill of ${path}`,
    `  pod       in ${namespace}, of ${image}, with ${formatBytes(room)} of the node’s disk`,
    `  restores  ${plural(databases.length, 'database')}: ${names}`,
    '  compares  rows and hashes of every table with those of the backup',
    '  leaves    nothing: the pod is taken away; the product is not touched',
  ]);
}

/** What came of it, for people. */
export function formatDrilled(path: string, { server, databases }: DrillReport): string {
  return text([
    `proven     ${path}: every table came back as it was saved`,
    `with       ${server}`,
    ...databases.map(
      ({ name, tables, rows, largeObjects, duration }) =>
        `database   ${name}: ${plural(tables, 'table')}, ${plural(rows, 'row')}, ${plural(largeObjects, 'large object')}, in ${formatDuration(duration)}`,
    ),
  ]);
}

function text(lines: readonly string[]): string {
  return `${lines.map((line) => printable(redact(line), 4000)).join('\n')}\n`;
}
