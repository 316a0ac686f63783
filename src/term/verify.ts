import type { VerifyReport } from '../bundle/verify.js';
import { printable } from '../redact.js';
import { describeSignature } from './signature.js';
import { type Paint, plain } from './style.js';
import { formatExactBytes, plural } from './units.js';

/** The text of a good report; the faults of a bad one are told by the error. */
export function formatVerify(report: VerifyReport, paint: Paint = plain): string {
  const verdict = report.ok ? paint('good', 'ok') : paint('bad', 'damaged');
  const parts = report.parts > 1 ? ` in ${report.parts} parts` : '';
  return [
    `${verdict}: ${printable(report.path, 4096)}`,
    `  product    ${printable(report.product)} ${printable(report.version)}`,
    `  bundle id  ${report.bundleId}`,
    `  checked    every byte of ${formatExactBytes(report.size)}${parts}, ${plural(report.entries, 'entry', 'entries')}`,
    `  signature  ${describeSignature(report.signature)}`,
    '',
  ].join('\n');
}
