/** A product version that the stand-in can play, `MAJOR.MINOR.PATCH`. */
export interface Version {
  readonly text: string;
  readonly minor: number;
  readonly patch: number;
}

/** What differs between generations of the product, as far as an upgrade or a backup notices it. */
export interface Era {
  /** Last minor version of the generation (major version 2). */
  readonly lastMinor: number;
  /** Chart of the control plane; its release is called runai-backend in all of them. */
  readonly chart: 'runai-backend' | 'control-plane';
  /**
   * Volumes of PostgreSQL and Thanos: claims in the chart's own templates; claims made once and then left to the
   * customer; claims that the StatefulSets make unless an existing one is named.
   */
  readonly volumes: 'templates' | 'released' | 'statefulset';
  /** The ingress certificate: key and crt in the values, or a secret that must be there. */
  readonly tls: 'values' | 'secret';
  /** Whether the control plane brings its own NGINX unless told not to. */
  readonly nginx: boolean;
  /** Generation of the PostgreSQL and Keycloak subcharts: secret keys, labels and names of services differ. */
  readonly subcharts: 'old' | 'new';
  /** Names of values keys (domain, registry, database, identity). */
  readonly keys: 'first' | 'middle' | 'global';
  /** Keys of the cluster chart: below runai-operator.config, or global and clusterConfig. */
  readonly clusterKeys: 'operator' | 'global';
  /** Registry and folder of the product's own images. */
  readonly images: { readonly backend: string; readonly cluster: string };
  /** Third-party tags; the major version of PostgreSQL is the one that runs. */
  readonly tags: Readonly<Record<'postgresql' | 'shell' | 'thanos' | 'grafana' | 'keycloak', string>>;
}

const GCR = { backend: 'gcr.io/run-ai-prod', cluster: 'gcr.io/run-ai-prod' };
const JFROG = {
  backend: 'runai.jfrog.io/cp-containers-prod-virt',
  cluster: 'runai.jfrog.io/op-containers-prod-virt',
};

const FIRST: Era = {
  lastMinor: 8,
  chart: 'runai-backend',
  volumes: 'templates',
  tls: 'values',
  nginx: true,
  subcharts: 'old',
  keys: 'first',
  clusterKeys: 'operator',
  images: GCR,
  tags: {
    postgresql: '15.2.0-debian-11-r0',
    shell: '11-debian-11-r50',
    thanos: '0.25.2',
    grafana: '8.5.5',
    keycloak: '15.0.2',
  },
};

const SECOND: Era = {
  ...FIRST,
  lastMinor: 10,
  nginx: false,
  subcharts: 'new',
  keys: 'middle',
  tags: { ...FIRST.tags, postgresql: '15.3.0-debian-11-r7', thanos: '0.28.1', grafana: '9.3.2' },
};

const THIRD: Era = { ...SECOND, lastMinor: 11, volumes: 'released', tls: 'secret' };

const FOURTH: Era = {
  ...THIRD,
  lastMinor: 14,
  chart: 'control-plane',
  volumes: 'statefulset',
  keys: 'global',
  tags: {
    postgresql: '15.4.0-debian-11-r39',
    shell: '12-debian-12-r16',
    thanos: '0.32.5',
    grafana: '9.5.9',
    keycloak: '20.0.5',
  },
};

const FIFTH: Era = { ...FOURTH, lastMinor: 16, clusterKeys: 'global' };

const SIXTH: Era = {
  ...FIFTH,
  lastMinor: 20,
  images: JFROG,
  tags: {
    postgresql: '15.8.0-debian-12-r14',
    shell: '12-debian-12-r30',
    thanos: '0.36.1',
    grafana: '10.4.9',
    keycloak: '24.0.5',
  },
};

const ERAS: readonly Era[] = [FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH];

export const FIRST_MINOR = 3;
export const LAST_MINOR = 20;

/**
 * Reads `2.13` or `2.13.66`.
 * @throws Error when it is no version from 2.3 to 2.20
 */
export function parseVersion(text: string): Version {
  const match = /^2\.(\d{1,2})(?:\.(\d{1,2}))?$/.exec(text);
  const minor = Number(match?.[1]);
  if (!match || minor < FIRST_MINOR || minor > LAST_MINOR) {
    throw new Error(`no stand-in for version ${text}; there is one for 2.${FIRST_MINOR} to 2.${LAST_MINOR}`);
  }
  const patch = Number(match[2] ?? 0);
  return { text: `2.${minor}.${patch}`, minor, patch };
}

/** The generation that a version belongs to. */
export function eraOf(version: Version): Era {
  const era = ERAS.find(({ lastMinor }) => version.minor <= lastMinor);
  if (!era) throw new Error(`no era for ${version.text}`);
  return era;
}

/** Grows with each release: 2.13.66 gives 21366. */
export function sequenceOf(version: Version): number {
  return 20_000 + version.minor * 100 + version.patch;
}

/** The oldest version that an upgrade to this one may start from. */
export function upgradeRange(era: Era): string {
  if (era.chart === 'control-plane') return '>=2.7';
  return era.subcharts === 'old' ? '>=2.3' : '>=2.5';
}
