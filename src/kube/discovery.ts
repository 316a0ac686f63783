import { absentOn404, readJson } from './read.js';
import { knownResource, rootPath } from './resources.js';
import type { Send } from './sender.js';
import type { ReadOptions, Resource, ServerVersion } from './types.js';

interface ResourceList {
  readonly resources?: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
  }[];
}

export interface Discovery {
  resourceFor(apiVersion: string, kind: string, options?: ReadOptions): Promise<Resource | undefined>;
  groups(options?: ReadOptions): Promise<string[]>;
  version(options?: ReadOptions): Promise<ServerVersion>;
}

/** Asks the server what it serves; kinds found once are remembered, kinds not found are asked for again. */
export function createDiscovery(send: Send): Discovery {
  const found = new Map<string, Resource>();
  return {
    resourceFor: async (apiVersion, kind, options = {}) => {
      const known = knownResource(apiVersion, kind) ?? found.get(`${apiVersion} ${kind}`);
      if (known) return known;
      const response = await absentOn404(send({ method: 'GET', path: rootPath(apiVersion), ...options }));
      if (response === undefined) return undefined;
      for (const served of readJson<ResourceList>(response).resources ?? []) {
        if (served.name.includes('/')) continue;
        const { kind: servedKind, name: plural, namespaced } = served;
        found.set(`${apiVersion} ${servedKind}`, { apiVersion, kind: servedKind, plural, namespaced });
      }
      return found.get(`${apiVersion} ${kind}`);
    },
    groups: async (options = {}) => {
      const response = await send({ method: 'GET', path: '/apis', ...options });
      const list = readJson<{ groups?: readonly { readonly name: string }[] }>(response);
      return (list.groups ?? []).map((group) => group.name);
    },
    version: async (options = {}) => {
      const response = await send({ method: 'GET', path: '/version', ...options });
      const { gitVersion, major, minor } = readJson<Record<string, string>>(response);
      // Some providers write the minor as "28+".
      const number = (text: string | undefined): number => Number.parseInt(text ?? '', 10) || 0;
      return { major: number(major), minor: number(minor), gitVersion: gitVersion ?? 'unknown' };
    },
  };
}
