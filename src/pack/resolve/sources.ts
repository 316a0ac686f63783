import { stat } from 'node:fs/promises';
import { AirgapError, systemCode } from '../../errors.js';
import type { RegistryClient } from '../../oci/client.js';
import type { NamedSource } from '../../oci/named.js';
import { tagOrDigestOf } from '../../oci/reference.js';
import type { WantedImage } from '../discover/select.js';
import type { ImageOrigin } from '../spec/types.js';
import type { ImagePlace } from './types.js';

/** Opens every source that images come from, each once. */
export interface Sources {
  placeOf(image: WantedImage): Promise<ImagePlace>;
  registry(host: string): RegistryClient;
  close(): Promise<void>;
}

/** @param connect makes the client of one registry; called once for each host */
export function createSources(connect: (host: string) => RegistryClient): Sources {
  const registries = new Map<string, RegistryClient>();
  const stores = new Map<string, Promise<NamedSource>>();
  const registry = (host: string): RegistryClient => {
    const client = registries.get(host) ?? connect(host);
    registries.set(host, client);
    return client;
  };
  const store = (origin: ImageOrigin): Promise<NamedSource> => {
    const key = `${origin.transport}:${origin.path}`;
    const opening = stores.get(key) ?? openStore(origin);
    stores.set(key, opening);
    return opening;
  };
  return {
    registry,
    placeOf: async ({ ref, from, source }) => {
      if (from) return { source: await store(from), repository: '', name: from.name ?? '', what: from.given };
      if (!ref) throw new Error(`${source} has neither ref nor from`);
      return {
        source: registry(ref.registry),
        repository: ref.repository,
        name: tagOrDigestOf(ref),
        what: source,
      };
    },
    close: async () => {
      for (const client of registries.values()) await client.close();
      for (const opening of stores.values()) {
        const opened = await opening.catch(() => undefined); // failed to open, and said so then
        await opened?.close();
      }
    },
  };
}

async function openStore(origin: ImageOrigin): Promise<NamedSource> {
  try {
    await stat(origin.path);
  } catch (cause) {
    throw new AirgapError('SOURCE_MISSING', `the image store ${origin.given} cannot be read`, {
      found: `${origin.path}: ${systemCode(cause)}`,
      cause,
    });
  }
  if (origin.transport === 'docker-archive') {
    const { openDockerArchive } = await import('../../oci/docker-archive.js');
    return openDockerArchive(origin.path);
  }
  const { openLayout } = await import('../../oci/layout.js');
  return openLayout(origin.path);
}
