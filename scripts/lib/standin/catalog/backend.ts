import type { Era, Version } from '../eras.js';
import type { ImageDef, ImageKind, ImageStyle, ImageUse } from '../images.js';
import type { ImageForm } from '../oci/image.js';
import { camelCase, rowsOf, type Service, type ServiceRow } from './service.js';

/** The control plane's Deployments (names: the vendor's, by era). */
const SERVICES: readonly ServiceRow[] = [
  { name: 'backend', port: 7000 },
  { name: 'frontend' },
  { name: 'grafana', port: 3000 },
  { name: 'thanos-query', port: 9090, until: 11 },
  { name: 'thanos-query', port: 9090, since: 12, full: true },
  { name: 'tenants-manager', since: 12 },
  { name: 'assets-service', since: 12, full: true },
  { name: 'policy-service', since: 12, full: true },
  { name: 'audit-service', since: 17, full: true },
  { name: 'authorization', since: 17, full: true },
  { name: 'cli-exposer', since: 17, full: true },
  { name: 'cluster-service', since: 17, full: true },
  { name: 'datavolumes', since: 19, full: true },
  { name: 'identity-manager', since: 17, full: true },
  { name: 'k8s-objects-tracker', since: 17, full: true },
  { name: 'metrics-service', since: 17, full: true },
  { name: 'notifications-service', since: 17, full: true },
  { name: 'org-unit-service', since: 17, full: true },
  { name: 'redoc', since: 17, full: true },
  { name: 'traefik', since: 17, full: true },
  { name: 'workloads', since: 17, full: true },
];

/** The images of the control plane's chart that are no plain services. */
export interface BackendParts {
  readonly postgresql: ImageUse;
  readonly shell: { readonly postgresql: ImageUse; readonly thanos: ImageUse };
  readonly keycloak: ImageUse;
  readonly keycloakInit: ImageUse;
  readonly thanos: ImageUse;
  readonly maintenance: ImageUse;
  readonly grafanaTest: ImageUse;
  readonly nginx?: ImageUse;
  readonly certgen?: ImageUse;
  readonly redis?: ImageUse;
}

/** Every part of the control plane's chart that has an image of its own. */
export function backendParts(version: Version, era: Era): BackendParts {
  const own = ownImages(version, era);
  const { tags } = era;
  const thanos = image('docker.io/bitnami', 'thanos', tags.thanos);
  const shell = image(
    'docker.io/bitnami',
    era.keys === 'global' ? 'os-shell' : 'bitnami-shell',
    tags.shell,
    'shell',
  );
  const postgresql = image('docker.io/bitnami', 'postgresql', tags.postgresql, 'postgresql');
  const keycloak = image(era.images.backend, 'keycloak', tags.keycloak, 'service', 'docker-archive');
  const keycloakKey = era.keys === 'global' ? 'keycloakx' : 'keycloak';
  return {
    postgresql: use('bitnami', postgresql, 'postgresql', 'image'),
    shell: {
      postgresql: use('bitnami', shell, 'postgresql', 'volumePermissions', 'image'),
      thanos: use('bitnami', shell, 'thanos', 'volumePermissions', 'image'),
    },
    keycloak: use('in-repository', keycloak, keycloakKey, 'image'),
    keycloakInit: own('keycloak-init', { key: [keycloakKey, 'init', 'image'], kind: 'job' }),
    thanos: use('bitnami', thanos, 'thanos', 'image'),
    maintenance: own('db-maintenance', { key: ['dbMaintenance', 'image'], kind: 'job' }),
    grafanaTest: use(
      'test-framework',
      image('docker.io/bats', 'bats', 'v1.4.1', 'job'),
      'grafana',
      'testFramework',
    ),
    ...(era.nginx ? nginxImages() : {}),
    ...(era.volumes === 'statefulset' ? { redis: redisImage() } : {}),
  };
}

function nginxImages(): { nginx: ImageUse; certgen: ImageUse } {
  const home = 'k8s.gcr.io/ingress-nginx';
  const controller: ImageDef = { ...image(home, 'controller', 'v1.2.0'), pinned: 'tag-and-digest' };
  const certgen: ImageDef = {
    ...image(home, 'kube-webhook-certgen', 'v1.1.1', 'job'),
    pinned: 'tag-and-digest',
  };
  return {
    nginx: use('ingress-nginx', controller, 'nginx-ingress', 'controller', 'image'),
    certgen: use(
      'ingress-nginx',
      certgen,
      'nginx-ingress',
      'controller',
      'admissionWebhooks',
      'patch',
      'image',
    ),
  };
}

function redisImage(): ImageUse {
  return use('bitnami', image('docker.io/bitnami', 'keydb', '6.3.4'), 'redisQueue', 'image');
}

/** The control plane's Deployments for a version, those of `--full` marked. */
export function backendServices(version: Version, era: Era, parts: BackendParts): readonly Service[] {
  const own = ownImages(version, era);
  return rowsOf(SERVICES, version).map((row) => ({
    name: row.name,
    port: row.port ?? 8080,
    full: row.full ?? false,
    ...serviceImages(row.name, { own, parts, era }),
  }));
}

interface ServiceContext {
  readonly own: OwnImages;
  readonly parts: BackendParts;
  readonly era: Era;
}

function serviceImages(name: string, { own, parts, era }: ServiceContext): Pick<Service, 'use' | 'sidecar'> {
  if (name === 'thanos-query') return { use: parts.thanos };
  if (name === 'grafana') {
    const grafana = image('docker.io/grafana', 'grafana', era.tags.grafana, 'service', 'index');
    const main = use('in-repository', grafana, 'grafana', 'image');
    if (era.keys !== 'global') return { use: main };
    const proxy = own('grafana-proxy', { key: ['grafana', 'proxy', 'image'], style: 'in-repository' });
    return { use: main, sidecar: proxy };
  }
  const form = name === 'frontend' ? 'docker' : 'oci';
  const style = name === 'notifications-service' ? 'own-registry' : undefined;
  return { use: own(name, { form, ...(style === undefined ? {} : { style }) }) };
}

type OwnImages = (name: string, options?: OwnOptions) => ImageUse;

interface OwnOptions {
  readonly key?: readonly string[];
  readonly style?: ImageStyle;
  readonly kind?: ImageKind;
  readonly form?: ImageForm;
}

function ownImages(version: Version, era: Era): OwnImages {
  const style = era.keys === 'global' ? 'own-global' : 'own-repository';
  return (name, options = {}) =>
    use(
      options.style ?? style,
      image(era.images.backend, name, version.text, options.kind, options.form),
      ...(options.key ?? [camelCase(name), 'image']),
    );
}

/** An image that the charts name by tag. */
export function image(
  home: string,
  name: string,
  tag: string,
  kind: ImageKind = 'service',
  form: ImageForm = 'oci',
): ImageDef {
  return { home, name, tag, kind, form };
}

function use(style: ImageStyle, image: ImageDef, ...key: string[]): ImageUse {
  return { image, style, key };
}
