import { writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { type PlaceFlags, placeOptions } from '../../../src/cli/place.js';
import { rollback } from '../../../src/install/rollback/index.js';

/**
 * `airgap rollback --accept-database-migration` in a process of its own that dies where AIRGAP_TEST_DIE_AT says
 * (`step|boundary`), at the latest when that step is recorded as done; where it died is written to AIRGAP_TEST_DIED.
 */
const [flags = '{}'] = process.argv.slice(2);
const [fatalStep, fatalBoundary] = (process.env['AIRGAP_TEST_DIE_AT'] ?? '').split('|');
const context = {
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
const { outcome } = await rollback({
  ...(await placeOptions(JSON.parse(flags) as PlaceFlags, context)),
  migration: 'accept',
  controlPlane: 'roll-back',
  mode: 'rollback',
  approve: async () => {},
  onBoundary: (step, boundary) => {
    if (step !== fatalStep || (boundary !== fatalBoundary && boundary !== 'committed')) return;
    writeFileSync(process.env['AIRGAP_TEST_DIED'] ?? '/dev/null', boundary);
    process.kill(process.pid, 'SIGKILL');
  },
});
process.stdout.write(outcome);
