import type { BundleLayout } from '../bundle/layout.js';
import type { WriteReport } from '../bundle/writer.js';
import type { Selection, WantedImage } from './discover/select.js';
import { formatPlace } from './discover/types.js';
import type { LockChange } from './lock/compare.js';
import { type Findings, uniqueContents } from './plan.js';
import type { ResolvedImage } from './resolve/types.js';

/** An image as pack and images report it. */
export interface ImageLine {
  readonly source: string;
  readonly target: string;
  readonly digest?: string;
  /** Bytes of all its blobs. */
  readonly size?: number;
  readonly platforms?: readonly string[];
  readonly reasons: readonly string[];
}

/** What `airgap images` tells. */
export interface ImagesReport {
  readonly images: readonly ImageLine[];
  readonly excluded: PackReport['excluded'];
  readonly hints: PackReport['hints'];
  readonly warnings: readonly string[];
  /** `changes` are told only when the registries were asked. */
  readonly lock: PackReport['lock'] & { readonly written: boolean };
}

/** What a pack would do, or did. */
export interface PackReport {
  readonly product: string;
  readonly version: string;
  readonly outcome: 'planned' | 'packed';
  /** The file, or its parts. */
  readonly paths: readonly string[];
  readonly bundleId: string;
  /** Bytes of the bundle. */
  readonly size: number;
  readonly images: readonly ImageLine[];
  readonly charts: readonly { readonly entry: string; readonly origin: string; readonly sha256: string }[];
  readonly crds: readonly string[];
  readonly tools: readonly { readonly entry: string; readonly origin: string; readonly sha256: string }[];
  /** Blobs of all images, each counted once. */
  readonly blobs: { readonly count: number; readonly bytes: number };
  /** Bytes of blobs that the base of a delta bundle has. */
  readonly inBase: number;
  readonly excluded: readonly { readonly source: string; readonly reason: string }[];
  readonly hints: readonly { readonly image: string; readonly where: string }[];
  readonly warnings: readonly string[];
  readonly lock: { readonly path: string; readonly changes: readonly LockChange[] };
  /** Bytes taken over from an earlier pack, and brought now; absent in a plan. */
  readonly written?: { readonly reused: number; readonly brought: number };
}

export interface ReportFacts {
  readonly findings: Findings;
  readonly selection: Selection;
  readonly layout: BundleLayout;
  readonly lock: PackReport['lock'];
}

export function planReport(facts: ReportFacts, output: string): PackReport {
  const { findings, selection, layout, lock } = facts;
  const blobs = [...uniqueContents(findings.images).values()];
  const described = (item: { entry: string; origin: string }, sha256: string) => ({
    entry: item.entry,
    origin: item.origin,
    sha256,
  });
  return {
    product: findings.spec.product,
    version: findings.spec.version,
    outcome: 'planned',
    paths: [output],
    bundleId: layout.bundleId,
    size: layout.totalSize,
    images: findings.images.map(imageLine),
    charts: findings.charts.map((chart) => described(chart, chart.chart.sha256)),
    crds: findings.crds?.names ?? [],
    tools: findings.tools.map((tool) => described(tool, tool.sha256)),
    blobs: {
      count: blobs.length,
      bytes: blobs.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
    },
    inBase: (layout.manifest.base?.blobs ?? []).reduce((sum, { size }) => sum + size, 0),
    ...selectionReport(selection),
    lock,
  };
}

export function packedReport(plan: PackReport, written: WriteReport): PackReport {
  const { paths, reused, brought } = written;
  return { ...plan, outcome: 'packed', paths, written: { reused, brought } };
}

export function selectionReport(selection: Selection): Pick<PackReport, 'excluded' | 'hints' | 'warnings'> {
  return {
    excluded: selection.excluded.map(({ source, reason }) => ({ source, reason })),
    hints: selection.hints.map(({ image, place }) => ({ image, where: formatPlace(place) })),
    warnings: selection.warnings,
  };
}

/** A resolved image for people and JSON. */
export function imageLine(image: ResolvedImage): ImageLine {
  const { source, target, root, platforms, contents, reasons } = image;
  const size = contents.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  return { source, target, digest: root.digest, size, platforms, reasons };
}

/** An image that nobody was asked about: with what the lock knows of it. */
export function lockedLine(
  { source, target, reasons }: WantedImage,
  locked: { readonly digest: string; readonly platforms: readonly string[] } | undefined,
): ImageLine {
  return { source, target, ...(locked ?? {}), reasons };
}
