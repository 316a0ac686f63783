import { readdir, readFile } from 'node:fs/promises';

/**
 * Process ids of helm programs on this host that change a release: after a kill -9 of ours its helm goes on alone.
 * Empty where /proc does not exist.
 */
export async function findHelmAtWork(release: string, namespace: string): Promise<number[]> {
  const entries = await readdir('/proc').catch(() => []);
  const found: number[] = [];
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    const words = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (isHelmChange(words, release, namespace)) found.push(Number(entry));
  }
  return found;
}

function isHelmChange(words: readonly string[], release: string, namespace: string): boolean {
  const verb = words.some((word) => ['upgrade', 'install', 'rollback', 'uninstall'].includes(word));
  return (
    /(^|\/)helm[^/]*$/.test(words[0] ?? '') && verb && words.includes(release) && words.includes(namespace)
  );
}
