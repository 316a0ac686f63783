import type { BundleDiff, Change, SetDiff } from '../bundle/diff.js';
import { printable } from '../redact.js';
import { type Paint, plain } from './style.js';
import { formatBytes, plural } from './units.js';

/** What one bundle has that the other has not, for people: + added, - removed, ~ changed. */
export function formatDiff(diff: BundleDiff, paint: Paint = plain): string {
  const side = ({ product, version, bundleId }: BundleDiff['before']): string =>
    printable(`${product} ${version}  ${bundleId}`);
  const lines = [
    `--- ${side(diff.before)}`,
    `+++ ${side(diff.after)}`,
    ...setLines('images', diff.images, paint),
    ...setLines('charts', diff.charts, paint),
    ...(diff.crds === 'none' ? [] : ['', `CRDs: ${diff.crds}`]),
    ...setLines('tools', diff.tools, paint),
    ...factLines(diff.facts, paint),
    '',
    `to move: ${formatBytes(diff.bytes.toMove)} in ${plural(diff.bytes.blobsToMove, 'blob')}; ` +
      `${formatBytes(diff.bytes.common)} are there already, ${formatBytes(diff.bytes.dropped)} are no longer needed`,
  ];
  return `${lines.join('\n')}\n`;
}

function setLines(title: string, { added, removed, changed, unchanged }: SetDiff, paint: Paint): string[] {
  if (added.length + removed.length + changed.length + unchanged === 0) return [];
  const counts = `${added.length} added, ${removed.length} removed, ${changed.length} changed, ${unchanged} unchanged`;
  return [
    '',
    `${title}: ${counts}`,
    ...added.map((text) => paint('good', `  + ${printable(text, 600)}`)),
    ...removed.map((text) => paint('bad', `  - ${printable(text, 600)}`)),
    ...changed.flatMap((change) => changeLines(change, paint)),
  ];
}

function changeLines({ name, before, after }: Change, paint: Paint): string[] {
  return [
    paint('warn', `  ~ ${printable(name, 300)}`),
    `      ${printable(before, 600)}`,
    `      ${printable(after, 600)}`,
  ];
}

function factLines(facts: readonly Change[], paint: Paint): string[] {
  if (facts.length === 0) return [];
  const text = ({ name, before, after }: Change): string =>
    paint('warn', printable(`  ~ ${name}: ${before || '(none)'} -> ${after || '(none)'}`, 900));
  return ['', 'facts:', ...facts.map(text)];
}
