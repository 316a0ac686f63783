import type { BundleChart, BundleImage, Manifest } from './manifest.js';
import { NAMES } from './manifest.js';
import { blobSizes } from './rules.js';

/** Something that both bundles have, in different states. */
export interface Change {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

export interface SetDiff {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly Change[];
  readonly unchanged: number;
}

export interface BundleDiff {
  readonly before: DiffSide;
  readonly after: DiffSide;
  readonly images: SetDiff;
  readonly charts: SetDiff;
  /** CRDs as a whole: the one file they travel in. */
  readonly crds: 'same' | 'changed' | 'added' | 'removed' | 'none';
  readonly tools: SetDiff;
  /** Other facts that differ: requires, upgrade, platforms, relocate. */
  readonly facts: readonly Change[];
  readonly bytes: {
    /** Blobs of the second that the first lacks: what a site with the first still has to move. */
    readonly toMove: number;
    readonly blobsToMove: number;
    /** Blobs that both have. */
    readonly common: number;
    /** Blobs of the first that the second no longer needs. */
    readonly dropped: number;
  };
}

export interface DiffSide {
  readonly product: string;
  readonly version: string;
  readonly bundleId: string;
}

/** What is compared: a manifest with its id. */
export interface Side {
  readonly manifest: Manifest;
  readonly bundleId: string;
}

/** Compares two bundles by their manifests alone. Pure. */
export function diffBundles(before: Side, after: Side): BundleDiff {
  const [one, other] = [before.manifest, after.manifest];
  return {
    before: sideOf(before),
    after: sideOf(after),
    images: diffSets(images(one), images(other)),
    charts: diffSets(charts(one), charts(other)),
    crds: diffCrds(one, other),
    tools: diffSets(tools(one), tools(other)),
    facts: diffFacts(one, other),
    bytes: diffBytes(one, other),
  };
}

function sideOf({ manifest: { product, version }, bundleId }: Side): DiffSide {
  return { product, version, bundleId };
}

/** By repository, so that a new tag is a change and not one image gone and another come; else by the whole target. */
function images(manifest: Manifest): Map<string, string> {
  const repositoryOf = ({ target }: BundleImage): string => target.replace(/(?:@sha256)?:[^:/]*$/, '');
  const counts = new Map<string, number>();
  for (const image of manifest.images) {
    const repository = repositoryOf(image);
    counts.set(repository, (counts.get(repository) ?? 0) + 1);
  }
  return new Map(
    manifest.images.map((image) => {
      const repository = repositoryOf(image);
      const name = counts.get(repository) === 1 ? repository : image.target;
      return [name, `${image.target} ${image.descriptor.digest}`];
    }),
  );
}

function charts(manifest: Manifest): Map<string, string> {
  const sha = new Map(manifest.entries.map(({ path, sha256 }) => [path, sha256]));
  const text = ({ name, version, path }: BundleChart): string => `${name} ${version} sha256:${sha.get(path)}`;
  return new Map(
    manifest.charts.map((chart) => [`${chart.namespace}/${chart.release} (${chart.role})`, text(chart)]),
  );
}

function tools(manifest: Manifest): Map<string, string> {
  const sha = new Map(manifest.entries.map(({ path, sha256 }) => [path, sha256]));
  return new Map(
    manifest.tools.map(({ name, platform, version, path }) => [
      `${name} ${platform}`,
      `${name} ${platform} ${version ?? '(version unknown)'} sha256:${sha.get(path)}`,
    ]),
  );
}

function diffSets(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): SetDiff {
  const changed: Change[] = [];
  let unchanged = 0;
  for (const [name, text] of after) {
    const old = before.get(name);
    if (old === text) unchanged++;
    else if (old !== undefined) changed.push({ name, before: old, after: text });
  }
  const byName = (a: Change, b: Change): number => (a.name < b.name ? -1 : 1);
  return {
    added: [...after]
      .filter(([name]) => !before.has(name))
      .map(([, text]) => text)
      .sort(),
    removed: [...before]
      .filter(([name]) => !after.has(name))
      .map(([, text]) => text)
      .sort(),
    changed: changed.sort(byName),
    unchanged,
  };
}

function diffCrds(before: Manifest, after: Manifest): BundleDiff['crds'] {
  const find = ({ entries }: Manifest): string | undefined =>
    entries.find(({ path }) => path === NAMES.crds)?.sha256;
  const [one, other] = [find(before), find(after)];
  if (one === undefined) return other === undefined ? 'none' : 'added';
  if (other === undefined) return 'removed';
  return one === other ? 'same' : 'changed';
}

function diffFacts(before: Manifest, after: Manifest): Change[] {
  const facts = ({ requires, upgrade, platforms, relocate, minTool }: Manifest): Record<string, string> => ({
    ...Object.fromEntries(Object.entries(requires).map(([key, value]) => [`requires.${key}`, value])),
    'upgrade.from': upgrade?.from ?? '',
    platforms: platforms.join(', '),
    relocate,
    minTool,
  });
  const [one, other] = [facts(before), facts(after)];
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
  return names
    .map((name) => ({ name, before: one[name] ?? '', after: other[name] ?? '' }))
    .filter(({ before: old, after: now }) => old !== now);
}

/** Blobs that a delta's base promises count as the bundle's own. */
function diffBytes(before: Manifest, after: Manifest): BundleDiff['bytes'] {
  const [one, other] = [blobSizes(before), blobSizes(after)];
  const sums = { toMove: 0, blobsToMove: 0, common: 0, dropped: 0 };
  for (const [digest, size] of other) {
    if (one.has(digest)) {
      sums.common += size;
    } else {
      sums.toMove += size;
      sums.blobsToMove++;
    }
  }
  for (const [digest, size] of one) if (!other.has(digest)) sums.dropped += size;
  return sums;
}
