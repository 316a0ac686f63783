import { resolve } from 'node:path';
import type { PlaceFlags } from './place.js';

/** What somebody types to go on with a run: from any folder, on the same cluster. Resuming needs no other flags. */
export function commandLine(words: readonly string[], flags: PlaceFlags, cwd: string): string {
  const path = (name: string): string => resolve(cwd, name);
  const { kubeconfig, context, helm, stateDir } = flags;
  const place = [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', path(kubeconfig)]),
    ...(context === undefined ? [] : ['--context', context]),
    ...(helm === undefined ? [] : ['--helm', helm === 'bundle' ? helm : path(helm)]),
    ...(stateDir === undefined ? [] : ['--state-dir', path(stateDir)]),
  ];
  return ['airgap', ...words, ...place].map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
