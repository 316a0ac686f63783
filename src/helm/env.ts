import { mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/** What helm gets to see. */
export interface HelmPlace {
  /** Folder (0700) for helm's cache, configuration, data and plugins: its own, empty ones (threats 112). */
  readonly homes: string;
  readonly env: Env;
  /** Files of the kubeconfig; none for commands that need no cluster. */
  readonly configFiles?: readonly string[];
}

/**
 * helm's environment: everything of ours but HELM_* (a foreign driver, plugin folder or namespace would change
 * what helm does), with homes of its own. Credential plugins of the kubeconfig need the rest.
 */
export function helmEnv(place: HelmPlace): Record<string, string> {
  const kept = Object.entries(place.env).filter(
    (pair): pair is [string, string] =>
      pair[1] !== undefined && !/^(HELM_|AIRGAP_|KUBECONFIG$)/.test(pair[0]),
  );
  const { homes } = place;
  return {
    ...Object.fromEntries(kept),
    HELM_CACHE_HOME: join(homes, 'cache'),
    HELM_CONFIG_HOME: join(homes, 'config'),
    HELM_DATA_HOME: join(homes, 'data'),
    HELM_PLUGINS: join(homes, 'plugins'),
    HELM_DRIVER: 'secret',
    ...(place.configFiles?.length ? { KUBECONFIG: place.configFiles.join(delimiter) } : {}),
  };
}

/** Makes the folders that helmEnv names. */
export async function makeHomes(homes: string): Promise<void> {
  for (const name of ['cache', 'config', 'data', 'plugins'])
    await mkdir(join(homes, name), { recursive: true, mode: 0o700 });
}
