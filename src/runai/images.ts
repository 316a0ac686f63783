import { SOURCES } from './sources.js';
import { isAtLeast, type Version } from './version.js';

/** A values key that points images at the site's registry; `{{registry}}` stands for HOST[:PORT][/PREFIX]. */
export interface Redirect {
  readonly key: string;
  readonly value: string;
  readonly source: string;
}

const R = '{{registry}}';
const source = `${SOURCES.installPage}: custom-env.yaml`;

const GLOBAL: readonly (readonly [key: string, value: string])[] = [
  ['global.imageRegistry', R],
  ['global.image.registry', R],
  ['backend.config.privateRegistryAddress', R],
  ['backend.config.clusterInstallation.helmRegistryUrl', ''],
  ['clusterService.config.clusterInstallation.helmRegistryUrl', ''],
  ['postgresql.image.repository', 'postgresql'],
  ['thanos.image.repository', 'thanos'],
  ['nats.image.repository', 'nats'],
  ['redisQueue.image.repository', 'keydb'],
  ['redisCache.image.repository', 'keydb'],
  ['grafana.image.repository', `${R}/grafana`],
  ['grafana.proxy.image.repository', `${R}/grafana-proxy`],
  ['keycloakx.image.repository', `${R}/keycloak`],
  ['grafana.testFramework.image', `${R}/bats/bats`],
  ['notificationsService.image.registry', R],
];

const OLD: readonly (readonly [key: string, value: string])[] = [
  ['backend.privateRegistryAddress', R],
  ['global.imageRegistry', R],
];

/**
 * The control plane's redirects as the vendor's file has them, for bundles that bring no `imageValues`.
 * A key that a chart does not know is harmless; what decides is the rendered set of images.
 */
export function backendRedirects(version: Version): Redirect[] {
  const rows = isAtLeast(version, 2, 12) ? GLOBAL : OLD;
  return rows.map(([key, value]) => ({ key, value, source }));
}

/** The cluster's redirects. */
export function clusterRedirects(version: Version): Redirect[] {
  const key = isAtLeast(version, 2, 15)
    ? 'global.image.registry'
    : 'runai-operator.config.global.image.registry';
  return [{ key, value: R, source: SOURCES.installPage }];
}

/** Secret with the registry's login, set only when the registry needs one. */
export const PULL_SECRET = { key: 'global.imagePullSecrets[0].name', name: 'runai-reg-creds' } as const;
