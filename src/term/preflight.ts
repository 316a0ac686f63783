import type { Finding } from '../install/findings.js';
import { printable, redact } from '../redact.js';

const MARKS: Readonly<Record<Finding['outcome'], string>> = {
  pass: 'pass',
  warn: 'WARN',
  fail: 'FAIL',
  'not-checked': 'skip',
};

/** The findings, one a line, what to do below what is not right. */
export function formatFindings(findings: readonly Finding<string>[]): string {
  const width = Math.max(0, ...findings.map((finding) => finding.title.length));
  const lines = findings.flatMap((finding) => {
    const head = `${MARKS[finding.outcome]}  ${finding.title.padEnd(width)}  ${finding.seen}`;
    const bad = finding.outcome === 'fail' || finding.outcome === 'warn';
    return [
      head,
      ...(bad && finding.expected !== undefined ? [`      expected  ${finding.expected}`] : []),
      ...(bad && finding.advice !== undefined ? [`      to do     ${finding.advice}`] : []),
    ];
  });
  return `${lines.map((line) => printable(redact(line), 4000)).join('\n')}\n`;
}
