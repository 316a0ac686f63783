import { formatYaml } from '../../yaml.js';
import type { Lock } from './types.js';

const HEAD = `# Written by airgap pack: what every name in the spec stood for. Commit it and review its changes;
# airgap pack --locked packs exactly this again.
`;

/** The lock as YAML, keys and entries in a fixed order, so that a diff shows what changed and nothing else. */
export function formatLock(lock: Lock): string {
  const document = {
    apiVersion: 'airgap/v1',
    kind: 'Lock',
    product: lock.product,
    version: lock.version,
    platforms: [...lock.platforms],
    charts: lock.charts.map(({ role, release, name, version, origin, sha256 }) => ({
      role,
      release,
      name,
      version,
      origin,
      sha256,
    })),
    crds: lock.crds.map(({ origin, sha256 }) => ({ origin, sha256 })),
    tools: lock.tools.map(({ origin, sha256 }) => ({ origin, sha256 })),
    images: [...lock.images]
      .sort((one, other) => (one.source < other.source ? -1 : 1))
      .map(({ source, target, digest, carried, platforms }) => ({
        source,
        target,
        digest,
        ...(carried === undefined ? {} : { carried }),
        platforms: [...platforms],
      })),
  };
  return HEAD + formatYaml(document);
}
