import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Layers, makeImage } from './build.js';
import { backendChart, backendContext } from './charts/backend/chart.js';
import { backendUses } from './charts/backend/values.js';
import { type ChartParts, chartFiles, packedChart, writeChartFolder } from './charts/chart.js';
import { clusterChart, clusterContext } from './charts/cluster/chart.js';
import { clusterUses } from './charts/cluster/values.js';
import type { Crds } from './crds.js';
import { eraOf, type Version } from './eras.js';
import type { Fault } from './faults.js';
import { type ImageDef, type ImageUse, layoutNames, repositoryOf, taggedRef } from './images.js';
import { writeDockerArchive } from './oci/archive.js';
import type { Image } from './oci/image.js';
import { writeLayout } from './oci/layout.js';
import { pushImage } from './oci/push.js';
import { specText } from './spec.js';

/** All inputs of one stand-in, read and checked. */
export interface StandinInput {
  readonly version: Version;
  readonly out: string;
  readonly layers: Layers;
  readonly crds: Crds;
  readonly registry?: string;
  readonly helm?: string;
  readonly fault?: Fault;
  readonly full: boolean;
  readonly platforms: readonly string[];
}

/** Writes a stand-in of the product into a folder, and pushes its images when there is a registry. */
export async function writeStandin(input: StandinInput): Promise<void> {
  const era = eraOf(input.version);
  const plan = planOf(input, {
    backend: backendContext(input.version, era, input.fault),
    cluster: clusterContext(input.version, era),
  });
  for (const part of ['charts', 'images', 'archives']) {
    await rm(join(input.out, part), { recursive: true, force: true });
    await mkdir(join(input.out, part), { recursive: true });
  }
  for (const chart of plan.charts) await writeChart(join(input.out, 'charts'), chart);
  await writeImages(input.out, plan.images);
  await writeFile(join(input.out, 'runai-crds.yaml'), input.crds.content);
  await writeFile(join(input.out, 'spec.yaml'), plan.spec);
  if (input.registry !== undefined) await pushImages(input.registry, plan.images);
}

interface Plan {
  readonly charts: readonly ChartParts[];
  readonly images: ReadonlyMap<ImageDef, Image>;
  readonly spec: string;
}

interface Contexts {
  readonly backend: ReturnType<typeof backendContext>;
  readonly cluster: ReturnType<typeof clusterContext>;
}

function planOf(input: StandinInput, { backend, cluster }: Contexts): Plan {
  const { registry, full, layers } = input;
  const narrow = (row: { readonly full: boolean }) => full || !row.full;
  const present = [
    ...backendUses({ ...backend, services: backend.services.filter(narrow) }),
    ...clusterUses({ ...cluster, services: cluster.services.filter(narrow) }),
  ].filter((use) => use.style !== 'test-framework');
  const defs = unique([...present.map(({ image }) => image), cluster.parts.mpsServer]);
  const images = new Map(defs.map((def) => [def, makeImage(def, layers)]));
  const digestOf = (def: ImageDef) => images.get(def)?.top.digest ?? '';
  const options = {
    full,
    digestOf: (use: ImageUse) => digestOf(use.image),
    ...(registry === undefined ? {} : { registry }),
  };
  return {
    charts: [backendChart(backend, options), clusterChart(cluster, options)],
    images,
    spec: specText({
      backend,
      cluster,
      images: defs,
      platforms: input.platforms,
      digestOf,
      ...(registry === undefined ? {} : { registry }),
      ...(input.helm === undefined ? {} : { helm: resolve(input.helm) }),
    }),
  };
}

/** Each image once; two uses of one reference share the definition that comes first. */
function unique(defs: readonly ImageDef[]): ImageDef[] {
  return [...new Map(defs.map((def) => [taggedRef(def), def])).values()];
}

async function writeChart(folder: string, parts: ChartParts): Promise<void> {
  const files = chartFiles(parts);
  await writeChartFolder(join(folder, parts.name), files);
  await writeFile(join(folder, `${parts.name}-${parts.version}.tgz`), packedChart(parts.name, files));
}

async function writeImages(out: string, images: ReadonlyMap<ImageDef, Image>): Promise<void> {
  const names = layoutNames([...images.keys()]);
  const named = new Map([...images].map(([def, image]) => [names.get(def) ?? def.name, image]));
  await writeLayout(join(out, 'images'), named);
  for (const [def, image] of images) {
    if (def.form !== 'docker-archive') continue;
    await writeDockerArchive(join(out, 'archives', `${def.name}.tar`), taggedRef(def), image);
  }
}

async function pushImages(host: string, images: ReadonlyMap<ImageDef, Image>): Promise<void> {
  for (const [def, image] of images) {
    const repository = repositoryOf(def, host).slice(host.length + 1);
    await pushImage(image, { host, repository, tag: def.tag });
  }
}
