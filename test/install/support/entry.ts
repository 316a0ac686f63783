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
const options = await installOptions(file, { ...none, ...JSON.parse(flags) } as InstallFlags, context);
try {
  const { outcome, steps } = await install({
    ...options,
    backup: await installBackup({}, options, context),
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
