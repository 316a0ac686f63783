import { writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { installBackup } from '../../../src/cli/install-backup.js';
import { type InstallFlags, installOptions } from '../../../src/cli/install-options.js';
import { install } from '../../../src/install/index.js';

/**
 * `airgap install` in a process of its own that dies where AIRGAP_TEST_DIE_AT says (`step|boundary`), at the
 * latest when that step is recorded as done; where it died is written to AIRGAP_TEST_DIED. The tool itself has no
 * such switch. Prints the outcome as JSON.
 */
const [file = '', flags = '{}'] = process.argv.slice(2);
const [fatalStep, fatalBoundary] = (process.env['AIRGAP_TEST_DIE_AT'] ?? '').split('|');
const none: Pick<
  InstallFlags,
  'backendValues' | 'clusterValues' | 'backendSet' | 'clusterSet' | 'acknowledge'
> = {
  backendValues: [],
  clusterValues: [],
  backendSet: [],
  clusterSet: [],
  acknowledge: [],
};
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
const options = await installOptions(file, { ...none, ...JSON.parse(flags) } as InstallFlags, context);
try {
  const { outcome, steps } = await install({
    ...options,
    backup: await installBackup({}, options, context),
    mode: 'install',
    approve: async () => {},
    onBoundary: (step, boundary) => {
      if (step !== fatalStep || (boundary !== fatalBoundary && boundary !== 'committed')) return;
      writeFileSync(process.env['AIRGAP_TEST_DIED'] ?? '/dev/null', boundary);
      process.kill(process.pid, 'SIGKILL');
    },
  });
  process.stdout.write(JSON.stringify({ outcome, steps }));
} catch (error) {
  const { code, message, found, faults } = error as {
    code?: string;
    message: string;
    found?: string;
    faults?: unknown;
  };
  process.stdout.write(JSON.stringify({ code, message, found, faults }));
  process.exitCode = 1;
}
