import { SOURCES } from './sources.js';
import { formatMinor, inRange, isAtLeast, type Version } from './version.js';

/** What a release asks of its surroundings. A member that no text gives is absent: then nothing is assumed. */
export interface Window {
  /** Minor releases of major version 2 that the row covers. */
  readonly releases: readonly [first: number, last: number];
  /** Range of minor versions. */
  readonly kubernetes: string;
  readonly openshift: string;
  /** Least version of Helm by the texts. */
  readonly helm: string;
  /** Versions of the GPU operator, any of the ranges. */
  readonly gpuOperator?: readonly string[];
  /** Least size of the node for the cluster part: cores, GB of memory, GB of disk. */
  readonly node?: { readonly cores: number; readonly memory: number; readonly disk?: number };
  readonly source: string;
}

const source = SOURCES.prerequisites;
const OPERATOR_OLD = ['=1.9', '>=22.9'];
const NODE_8 = { cores: 8, memory: 16, disk: 50 };

/** Releases 2.14, 2.15 and 2.21 are in no text and are not interpolated. */
export const WINDOWS: readonly Window[] = [
  {
    releases: [5, 6],
    kubernetes: '>=1.19 <=1.24',
    openshift: '>=4.6 <=4.10',
    helm: '3.0',
    gpuOperator: ['>=1.9'],
    node: { cores: 4, memory: 8, disk: 120 },
    source,
  },
  {
    releases: [7, 8],
    kubernetes: '>=1.21 <=1.24',
    openshift: '>=4.8 <=4.10',
    helm: '3.0',
    gpuOperator: ['=1.9', '=22.9'],
    node: { cores: 4, memory: 8 },
    source,
  },
  {
    releases: [9, 10],
    kubernetes: '>=1.21 <=1.26',
    openshift: '>=4.8 <=4.11',
    helm: '3.0',
    gpuOperator: OPERATOR_OLD,
    node: NODE_8,
    source,
  },
  {
    releases: [11, 12],
    kubernetes: '>=1.23 <=1.27',
    openshift: '>=4.10 <=4.12',
    helm: '3.0',
    gpuOperator: OPERATOR_OLD,
    node: NODE_8,
    source,
  },
  {
    releases: [13, 13],
    kubernetes: '>=1.23 <=1.28',
    openshift: '>=4.10 <=4.13',
    helm: '3.10',
    gpuOperator: ['>=22.9'],
    node: NODE_8,
    source,
  },
  {
    releases: [16, 16],
    kubernetes: '>=1.26 <=1.28',
    openshift: '>=4.11 <=4.14',
    helm: '3.10',
    gpuOperator: ['>=22.9'],
    node: { cores: 8, memory: 16 },
    source,
  },
  {
    releases: [17, 17],
    kubernetes: '>=1.27 <=1.29',
    openshift: '>=4.12 <=4.15',
    helm: '3.14',
    gpuOperator: ['>=22.9 <=23.9'],
    node: { cores: 8, memory: 16 },
    source,
  },
  {
    releases: [18, 18],
    kubernetes: '>=1.28 <=1.30',
    openshift: '>=4.12 <=4.16',
    helm: '3.14',
    gpuOperator: ['>=22.9 <=23.9'],
    node: NODE_8,
    source,
  },
  {
    releases: [19, 19],
    kubernetes: '>=1.28 <=1.31',
    openshift: '>=4.12 <=4.17',
    helm: '3.14',
    gpuOperator: ['>=22.9 <=24.6'],
    node: { cores: 10, memory: 20, disk: 50 },
    source,
  },
  {
    releases: [20, 20],
    kubernetes: '>=1.29 <=1.32',
    openshift: '>=4.14 <=4.17',
    helm: '3.14',
    gpuOperator: ['>=22.9 <=25.3'],
    node: { cores: 10, memory: 20, disk: 50 },
    source,
  },
  { releases: [22, 22], kubernetes: '>=1.31 <=1.33', openshift: '>=4.15 <=4.19', helm: '3.14', source },
  { releases: [23, 23], kubernetes: '>=1.31 <=1.34', openshift: '>=4.16 <=4.19', helm: '3.14', source },
  { releases: [24, 24], kubernetes: '>=1.33 <=1.35', openshift: '>=4.17 <=4.20', helm: '3.14', source },
  { releases: [25, 25], kubernetes: '>=1.33 <=1.35', openshift: '>=4.18 <=4.21', helm: '3.14', source },
];

/** The window of a release; undefined when no text gives one: warn and ask, interpolate nothing. */
export function windowOf(release: Version): Window | undefined {
  if (release.major !== 2) return undefined;
  return WINDOWS.find(({ releases: [first, last] }) => release.minor >= first && release.minor <= last);
}

/**
 * The least Helm for an upgrade: the release's own, but 3.14 whenever the source is 2.13 or later. Pages that
 * ask for 3.10 there use a flag that came with 3.14; sites follow them by hand after us.
 */
export function leastHelm(release: Version, source?: Version): string {
  const own = windowOf(release)?.helm ?? '3.14';
  return source !== undefined && isAtLeast(source, 2, 13) ? '3.14' : own;
}

export type WindowAnswer =
  | { readonly fits: true; readonly range: string }
  | { readonly fits: false; readonly range: string }
  | { readonly fits: 'unknown'; readonly why: string };

/** Whether a cluster's version lies in a release's window; a range of the bundle's own (`requires`) goes first. */
export function fitsWindow(
  release: Version,
  seen: { readonly platform: 'kubernetes' | 'openshift'; readonly version: Version },
  required?: string,
): WindowAnswer {
  const range = required ?? windowOf(release)?.[seen.platform];
  if (range === undefined) {
    return {
      fits: 'unknown',
      why: `no text names the ${seen.platform} versions of release ${formatMinor(release)}`,
    };
  }
  const fits = inRange(seen.version, range);
  return fits === undefined
    ? { fits: 'unknown', why: `the range "${range}" cannot be read` }
    : { fits, range };
}

/** Whether a GPU operator's version is one that the release names; unknown when it names none. */
export function fitsGpuOperator(release: Version, version: Version): WindowAnswer {
  const ranges = windowOf(release)?.gpuOperator;
  if (ranges === undefined) {
    return { fits: 'unknown', why: `no text names the GPU operator of release ${formatMinor(release)}` };
  }
  return { fits: ranges.some((range) => inRange(version, range)), range: ranges.join(' or ') };
}
