import { installBackup } from '../../../src/cli/install-backup.js';
import { type InstallFlags, installOptions } from '../../../src/cli/install-options.js';
import { install } from '../../../src/install/index.js';
import { context, dieAt } from './dying.js';

/**
 * `airgap install` in a process of its own that dies where it is told to (dying.ts). Prints the outcome as JSON.
 */
const [file = '', flags = '{}'] = process.argv.slice(2);
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
const { takeover, backup, canary, ...given } = JSON.parse(flags);
const asked = await installOptions(file, { ...none, ...given } as InstallFlags, context);
/** How much faster than the real clock the waiting of this process goes by. */
const speed = Number(process.env['AIRGAP_TEST_CLOCK_SPEED'] ?? 1);
const { sleep } = asked.clock;
const clock = {
  ...asked.clock,
  monotonic: () => performance.now() * speed,
  sleep: (milliseconds: number, signal: AbortSignal) => sleep(milliseconds / speed, signal),
};
const options = { ...asked, clock };
try {
  const { outcome, steps } = await install({
    ...options,
    ...(takeover === undefined ? {} : { takeover }),
    ...(canary === false ? { canary: 'never' } : {}),
    backup: await installBackup(backup === undefined ? {} : { backup }, options, context),
    mode: 'install',
    approve: async () => {},
    onBoundary: dieAt,
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
