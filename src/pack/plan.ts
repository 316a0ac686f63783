import type { BundleDraft } from '../bundle/layout.js';
import { type BundleChart, type BundleImage, type DeltaBase, NAMES } from '../bundle/manifest.js';
import type { Digest } from '../oci/types.js';
import type { PackedChart } from './chart/types.js';
import type { CrdFile, JoinedCrds } from './crds.js';
import type { ToolFile } from './fetch/files.js';
import type { Lock } from './lock/types.js';
import { formatRelocation } from './relocate.js';
import type { Content, ResolvedImage } from './resolve/types.js';
import type { Spec } from './spec/types.js';

/** The oldest airgap that reads the bundles that are made here. */
const MIN_TOOL = '0.1.0';

/** Everything that was found out before the plan. */
export interface Findings {
  readonly spec: Spec;
  readonly charts: readonly PackedChart[];
  readonly crdFiles: readonly CrdFile[];
  /** Absent when the spec has no CRDs. */
  readonly crds?: JoinedCrds;
  readonly tools: readonly ToolFile[];
  readonly images: readonly ResolvedImage[];
  /** Seconds since the epoch. */
  readonly sourceDate: number;
  readonly base?: DeltaBase;
}

/** What the bundle is to hold, as a pure function of what was found. */
export function draftBundle(findings: Findings): BundleDraft {
  const { spec, charts, crds, tools, images, base } = findings;
  return {
    product: spec.product,
    version: spec.version,
    ...(spec.sequence === undefined ? {} : { sequence: spec.sequence }),
    minTool: MIN_TOOL,
    platforms: spec.platforms,
    sourceDate: findings.sourceDate,
    relocate: formatRelocation(spec.relocate),
    requires: spec.requires,
    ...(spec.upgrade ? { upgrade: spec.upgrade } : {}),
    charts: charts.map(chartEntry),
    crds: findings.crdFiles.map(({ origin }) => origin),
    images: images.map(imageEntry),
    tools: tools.map(({ name, platform, entry, version }) => ({
      name,
      platform,
      path: entry,
      ...(version === undefined ? {} : { version }),
    })),
    coverage: spec.images.discover ? 'rendered' : 'not-checked',
    files: [
      ...charts.map(({ entry, chart }) => ({ path: entry, size: chart.bytes.length, sha256: chart.sha256 })),
      ...(crds ? [{ path: NAMES.crds, size: crds.bytes.length, sha256: crds.sha256 }] : []),
      ...tools.map(({ entry, size, sha256 }) => ({ path: entry, size, sha256 })),
    ],
    blobs: [...uniqueContents(images).values()].map(({ descriptor: { digest, size } }) => ({ digest, size })),
    ...(base ? { base } : {}),
  };
}

/** Every blob of every image once; bytes that are here already win. */
export function uniqueContents(images: readonly ResolvedImage[]): Map<Digest, Content> {
  const all = new Map<Digest, Content>();
  for (const content of images.flatMap((image) => image.contents)) {
    const known = all.get(content.descriptor.digest);
    if (!known || (!known.bytes && content.bytes)) all.set(content.descriptor.digest, content);
  }
  return all;
}

/** The lock that goes with what was found. */
export function lockOf(findings: Omit<Findings, 'sourceDate' | 'base'>): Lock {
  const { spec, charts, crdFiles, tools, images } = findings;
  return {
    product: spec.product,
    version: spec.version,
    platforms: spec.platforms,
    charts: charts.map(({ role, release, chart, origin }) => ({
      role,
      release,
      name: chart.name,
      version: chart.version,
      origin,
      sha256: chart.sha256,
    })),
    crds: crdFiles.map(({ origin, sha256 }) => ({ origin, sha256 })),
    tools: tools.map(({ origin, sha256 }) => ({ origin, sha256 })),
    images: images.map(({ source, target, upstream, root, platforms }) => ({
      source,
      target,
      digest: upstream,
      ...(root.digest === upstream ? {} : { carried: root.digest }),
      platforms,
    })),
  };
}

function chartEntry({ role, release, namespace, chart, entry, imageValues }: PackedChart): BundleChart {
  return {
    role,
    release,
    namespace,
    name: chart.name,
    version: chart.version,
    ...(chart.appVersion === undefined ? {} : { appVersion: chart.appVersion }),
    path: entry,
    imageValues,
  };
}

function imageEntry(image: ResolvedImage): BundleImage {
  const { source, target, root, platforms, filteredFrom, reasons } = image;
  return {
    source,
    target,
    descriptor: root,
    platforms,
    ...(filteredFrom === undefined ? {} : { filteredFrom }),
    reasons,
  };
}
