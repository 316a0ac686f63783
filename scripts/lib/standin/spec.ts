import type { BackendContext } from './charts/backend/names.js';
import { backendUses } from './charts/backend/values.js';
import { clusterChartName } from './charts/cluster/chart.js';
import type { ClusterContext } from './charts/cluster/names.js';
import { clusterUses } from './charts/cluster/values.js';
import { yaml } from './charts/text.js';
import { type Era, sequenceOf, upgradeRange } from './eras.js';
import { chartRef, type ImageDef, type ImageUse, layoutNames, redirectsOf, taggedRef } from './images.js';

export interface SpecInput {
  readonly backend: BackendContext;
  readonly cluster: ClusterContext;
  /** Every image of the stand-in, those that no chart names included. */
  readonly images: readonly ImageDef[];
  readonly registry?: string;
  readonly platforms: readonly string[];
  /** File of a helm for linux/amd64 to carry along. */
  readonly helm?: string;
  readonly digestOf: (image: ImageDef) => string;
}

/** The text of spec.yaml. */
export function specText(input: SpecInput): string {
  const { backend, cluster, registry } = input;
  const { version, era } = backend;
  return yaml({
    apiVersion: 'airgap/v1',
    kind: 'Bundle',
    product: 'runai',
    version: version.text,
    sequence: sequenceOf(version),
    platforms: input.platforms,
    sourceDate: '2024-10-01T00:00:00Z',
    requires: { kubernetes: '>=1.19 <1.40' },
    charts: [
      {
        role: 'control-plane',
        release: 'runai-backend',
        namespace: 'runai-backend',
        path: `./charts/${era.chart}-${version.text}.tgz`,
        imageValues: { ...imageValues(backendUses(backend)), ...backendAddress(era) },
      },
      {
        role: 'cluster',
        release: clusterChartName(version),
        namespace: 'runai',
        path: `./charts/${clusterChartName(version)}-${version.text}.tgz`,
        imageValues: imageValues(clusterUses(cluster)),
      },
    ],
    crds: [{ path: './runai-crds.yaml' }],
    images: { discover: true, include: includes(input), exclude: [excluded(backend, registry)] },
    relocate: 'flat',
    ...(registry === undefined ? {} : { plainHttp: [registry] }),
    ...(input.helm === undefined
      ? {}
      : { tools: [{ name: 'helm', platform: 'linux/amd64', path: input.helm }] }),
    upgrade: { from: upgradeRange(era) },
  });
}

/** Where the backend itself looks for images that it starts. */
function backendAddress(era: Era): Record<string, string> {
  return era.keys === 'global' ? { 'backend.config.privateRegistryAddress': '{{registry}}' } : {};
}

function imageValues(uses: readonly ImageUse[]): Record<string, string> {
  const pairs = uses.flatMap((use) => Object.entries(redirectsOf(use)));
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function excluded({ parts }: BackendContext, registry?: string): { ref: string; reason: string } {
  const tagged = taggedRef(parts.grafanaTest.image, registry);
  return { ref: tagged.replace(/:[^:/]*$/, ':*'), reason: 'helm test only' };
}

/** With a registry only what no chart names; without one every image, each with the folder its bytes are in. */
function includes({ images, cluster, registry, digestOf }: SpecInput): Record<string, string>[] {
  const { mpsServer } = cluster.parts;
  const reason = 'started by the operator when mps-server is enabled';
  if (registry !== undefined) return [{ ref: taggedRef(mpsServer, registry), reason }];
  const names = layoutNames(images);
  return images.map((image) => ({
    ref: chartRef(image, digestOf(image)),
    from: sourceOf(image, names.get(image) ?? image.name),
    ...(image === mpsServer ? { reason } : {}),
  }));
}

function sourceOf(image: ImageDef, name: string): string {
  if (image.form === 'docker-archive') return `docker-archive:./archives/${image.name}.tar`;
  return `oci:./images:${name}`;
}
