import { writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';

/** The surroundings of a verb in a process of its own that nobody watches. */
export const context = {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: new PassThrough(),
  now: Date.now,
  signal: new AbortController().signal,
  emit: () => {},
  confirm: undefined,
  version: '0.1.0',
};

const [fatalStep, fatalBoundary] = (process.env['AIRGAP_TEST_DIE_AT'] ?? '').split('|');

/** SIGSTOP: it does not die there, it only stands still. */
const signal = process.env['AIRGAP_TEST_DIE_BY'] === 'SIGSTOP' ? 'SIGSTOP' : 'SIGKILL';

/**
 * Dies where AIRGAP_TEST_DIE_AT says (`step|boundary`), at the latest when that step is recorded as done; where it died
 * is written to AIRGAP_TEST_DIED. The tool itself has no such switch.
 */
export function dieAt(step: string, boundary: string): void {
  if (step !== fatalStep || (boundary !== fatalBoundary && boundary !== 'committed')) return;
  writeFileSync(process.env['AIRGAP_TEST_DIED'] ?? '/dev/null', boundary);
  process.kill(process.pid, signal);
}
