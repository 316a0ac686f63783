import { restoreFromCli } from '../../../src/cli/restore.js';

/**
 * `airgap restore` in a process of its own that dies at the first boundary it meets of those in AIRGAP_TEST_DIE_AT (a
 * JSON list of `step|boundary`), and says at which: the tool itself has no such switch. Takes the file and the flags as
 * JSON; prints the outcome, or the error, as JSON.
 */
const [file = '', flags = '{}'] = process.argv.slice(2);
const points = new Set<string>(JSON.parse(process.env['AIRGAP_TEST_DIE_AT'] ?? '[]'));
const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('SIGINT')));
let last = '';
const context = {
  env: process.env,
  cwd: process.cwd(),
  stdin: process.stdin,
  stdout: process.stdout,
  now: Date.now,
  signal: stop.signal,
  emit: (event: { readonly type: string }) => {
    const line = JSON.stringify(event);
    // Progress comes often: one line a tenth is enough.
    const { stage, done, total } = event as { stage?: string; done?: number; total?: number };
    const tenth =
      event.type === 'progress' ? `${stage} ${Math.floor((10 * (done ?? 0)) / (total || 1))}` : line;
    if (tenth !== last) process.stderr.write(`${line}\n`);
    last = tenth;
  },
  confirm: undefined,
  version: '0.1.0',
};
try {
  await restoreFromCli(
    file,
    { only: [], skip: [], rebind: [], output: 'json', yes: true, ...JSON.parse(flags) },
    context,
    {
      onBoundary: (step, boundary) => {
        const dies = points.has(`${step}|${boundary}`);
        process.stderr.write(`${JSON.stringify({ type: 'boundary', step, boundary, dies })}\n`);
        if (dies) process.kill(process.pid, 'SIGKILL');
      },
    },
  );
} catch (error) {
  const { code, message, found, hint, faults } = error as Error & Record<string, unknown>;
  process.stdout.write(
    JSON.stringify({ code, message, found, hint, faults, stack: code ? undefined : (error as Error).stack }),
  );
  process.exitCode = 1;
}
