import { readdir, readFile } from 'node:fs/promises';
import { RUN_LABEL, RUN_VARIABLE } from '../helm/fingerprint.js';

/**
 * Process ids of helm programs on this host that a run started for a release: after a kill -9 of ours its helm goes
 * on alone. The run's label in their arguments, or its name in their environment, tells them from helms of other
 * runs and clusters. Empty where /proc does not exist.
 */
export async function findHelmAtWork(runId: string, release: string): Promise<number[]> {
  const entries = await readdir('/proc').catch(() => []);
  const found: number[] = [];
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    const words = await readList(`/proc/${entry}/cmdline`);
    if (!words.includes(release)) continue;
    const labelled = words.some((word) => word.split(',').includes(`${RUN_LABEL}=${runId}`));
    if (labelled || (await readList(`/proc/${entry}/environ`)).includes(`${RUN_VARIABLE}=${runId}`))
      found.push(Number(entry));
  }
  return found;
}

async function readList(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8').catch(() => '')).split('\0');
}
