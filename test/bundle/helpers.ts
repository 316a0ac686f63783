import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type BundleDraft, type BundleLayout, layoutBundle } from '../../src/bundle/layout.js';
import type { BundleImage } from '../../src/bundle/manifest.js';
import { encodeHeader } from '../../src/bundle/tar.js';
import { type OpenEntry, type WriteOptions, writeBundle } from '../../src/bundle/writer.js';
import { digestOf } from '../../src/oci/digest.js';
import { type Digest, MEDIA } from '../../src/oci/types.js';

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A folder that is gone after the test. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-bundle-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Bytes that look random and are the same in every run. */
export function noise(size: number, seed: string): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 64 < size; i++) blocks.push(createHash('sha512').update(`${seed} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, size);
}

export interface Sample {
  readonly draft: BundleDraft;
  /** Content of every file and blob by entry path. */
  readonly contents: Map<string, Buffer>;
}

export interface SampleImage {
  readonly source: string;
  readonly target: string;
  readonly layers: readonly Buffer[];
  readonly docker?: boolean;
}

export interface SampleOptions {
  readonly version?: string;
  readonly images?: readonly SampleImage[];
  readonly files?: Readonly<Record<string, Buffer>>;
  readonly facts?: Partial<BundleDraft>;
}

export const CHARTS: Readonly<Record<string, Buffer>> = {
  'runai-backend/control-plane-2.13.66.tgz': noise(700, 'control plane'),
  'runai-cluster-2.13.66.tgz': noise(900, 'cluster'),
  'runai-crds.yaml': Buffer.from('kind: CustomResourceDefinition\n'),
  'tools/linux-amd64/helm': noise(1500, 'helm'),
};

export const IMAGES: readonly SampleImage[] = [
  {
    source: 'registry.example.com/run-ai-prod/operator:2.13.66',
    target: 'operator:2.13.66',
    layers: [noise(5000, 'base'), noise(300, 'operator')],
  },
  {
    source: 'docker.io/library/busybox:1.36',
    target: 'busybox:1.36',
    layers: [noise(5000, 'base')],
    docker: true,
  },
];

/** A small but complete bundle: charts, CRDs, a tool, an OCI and a Docker image that share a layer. */
export function sample(options: SampleOptions = {}): Sample {
  const contents = new Map<string, Buffer>();
  const blobs = new Map<Digest, number>();
  const keep = (bytes: Buffer): Digest => {
    const digest = digestOf(bytes);
    blobs.set(digest, bytes.length);
    contents.set(`blobs/sha256/${digest.slice(7)}`, bytes);
    return digest;
  };
  const images = (options.images ?? IMAGES).map((image) => sampleImage(image, keep));
  const files = options.files ?? CHARTS;
  for (const [path, bytes] of Object.entries(files)) contents.set(path, bytes);
  const has = (path: string): boolean => path in files;
  const draft: BundleDraft = {
    product: 'runai',
    version: options.version ?? '2.13.66',
    sequence: 21366,
    minTool: '0.1.0',
    platforms: ['linux/amd64'],
    sourceDate: 1727740800,
    relocate: 'flat',
    requires: { kubernetes: '>=1.23 <1.29' },
    upgrade: { from: '>=2.8' },
    charts: [
      {
        role: 'control-plane' as const,
        release: 'runai-backend',
        namespace: 'runai-backend',
        name: 'control-plane',
        version: '2.13.66',
        path: 'runai-backend/control-plane-2.13.66.tgz',
        imageValues: { 'global.image.registry': '{{registry}}' },
      },
      {
        role: 'cluster' as const,
        release: 'runai-cluster',
        namespace: 'runai',
        name: 'runai-cluster',
        version: '2.13.66',
        appVersion: '2.13.66',
        path: 'runai-cluster-2.13.66.tgz',
        imageValues: {},
      },
    ].filter(({ path }) => has(path)),
    crds: has('runai-crds.yaml') ? ['./runai-crds.yaml'] : [],
    images,
    tools: has('tools/linux-amd64/helm')
      ? [{ name: 'helm', platform: 'linux/amd64', path: 'tools/linux-amd64/helm', version: 'v3.19.0' }]
      : [],
    coverage: 'rendered',
    files: Object.entries(files).map(([path, bytes]) => ({
      path,
      size: bytes.length,
      sha256: sha256(bytes),
    })),
    blobs: [...blobs].map(([digest, size]) => ({ digest, size })),
    ...options.facts,
  };
  return { draft, contents };
}

function sampleImage(
  { source, target, layers, docker }: SampleImage,
  keep: (bytes: Buffer) => Digest,
): BundleImage {
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { source } },
      rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
    }),
  );
  const describe = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    size: bytes.length,
    digest: keep(bytes),
  });
  const layerType = docker
    ? 'application/vnd.docker.image.rootfs.diff.tar'
    : 'application/vnd.oci.image.layer.v1.tar';
  const mediaType = docker ? MEDIA.dockerManifest : MEDIA.ociManifest;
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      config: describe(docker ? MEDIA.dockerConfig : MEDIA.ociConfig, config),
      layers: layers.map((layer) => describe(layerType, layer)),
    }),
  );
  return {
    source,
    target,
    descriptor: describe(mediaType, manifest) as BundleImage['descriptor'],
    platforms: ['linux/amd64'],
    reasons: ['chart control-plane'],
  };
}

export function openerOf({ contents }: Sample): OpenEntry {
  return ({ path }) => {
    const bytes = contents.get(path);
    if (!bytes) throw new Error(`no content for ${path}`);
    return bytes;
  };
}

/** The bytes of a bundle, put together without the writer. */
export function assemble(layout: BundleLayout, { contents }: Sample): Buffer {
  const file = Buffer.alloc(layout.totalSize);
  for (const position of layout.positions) {
    const bytes =
      position.offset === 512
        ? layout.bytes
        : (layout.generated.get(position.path) ?? contents.get(position.path));
    if (!bytes) throw new Error(`no content for ${position.path}`);
    encodeHeader(position).copy(file, position.offset - 512);
    bytes.copy(file, position.offset);
  }
  return file;
}

export interface Packed {
  readonly path: string;
  readonly layout: BundleLayout;
  readonly bytes: Buffer;
}

/** Puts a sample into a file of the test's own folder. */
export async function packSample(t: TestContext, from: Sample = sample()): Promise<Packed> {
  const path = join(await temporaryFolder(t), 'runai-air-gapped-2.13.66.tar');
  const layout = layoutBundle(from.draft);
  const bytes = assemble(layout, from);
  await writeFile(path, bytes);
  return { path, layout, bytes };
}

/** Writes a sample with the real writer. */
export async function writeSample(path: string, from: Sample, options: WriteOptions = {}) {
  const layout = layoutBundle(from.draft);
  return { layout, report: await writeBundle(path, layout, openerOf(from), options) };
}

/** Many blobs that a slow origin takes a while to give; for tests that interrupt. */
export function slowSample(): Sample {
  const images = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({
    source: `r.example.com/${name}:1`,
    target: `${name}:1`,
    layers: [noise(300_000, `slow ${name}`)],
  }));
  return sample({ images });
}
