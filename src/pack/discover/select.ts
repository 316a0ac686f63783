import { AirgapError, type Fault, isAirgapError } from '../../errors.js';
import { canonicalReference, canonicalText, parseReference } from '../../oci/reference.js';
import type { Reference } from '../../oci/types.js';
import { printable } from '../../redact.js';
import { relocate, targetCollisions } from '../relocate.js';
import type { ImageOrigin, Spec } from '../spec/types.js';
import { matchesGlob } from './glob.js';
import { type Discovery, type FoundImage, formatPlace, type Hint, type Place } from './types.js';

/** An image that the bundle is to carry. */
export interface WantedImage {
  /** The canonical reference; localhost/TARGET for an image without one. */
  readonly source: string;
  readonly ref?: Reference;
  /** Where the bytes are when not in the registry of `ref`. */
  readonly from?: ImageOrigin;
  readonly target: string;
  readonly reasons: readonly string[];
  /** Where charts name it; empty for an image that is only listed. */
  readonly places: readonly Place[];
  /** Listed in images.include. */
  readonly listed: boolean;
}

export interface ExcludedImage {
  readonly source: string;
  readonly reason: string;
  readonly places: readonly Place[];
}

export interface Selection {
  /** By target. */
  readonly wanted: readonly WantedImage[];
  readonly excluded: readonly ExcludedImage[];
  /** Texts that look like images, which nothing carries. */
  readonly hints: readonly Hint[];
  readonly warnings: readonly string[];
}

/**
 * Puts together what the spec lists and what the charts name, less what is excluded.
 * @throws AirgapError REFERENCE_INVALID for names in charts that are none, IMAGE_TARGET_COLLISION
 */
export function selectImages(spec: Spec, discovery: Discovery): Selection {
  const found = groupFound(discovery.images);
  const used = new Set<string>();
  const excluded: ExcludedImage[] = [];
  const wanted = new Map<string, WantedImage>();
  for (const listed of listedImages(spec)) wanted.set(listed.source, listed);
  for (const [source, { ref, places, texts }] of found) {
    const rules = spec.images.exclude.filter((rule) =>
      [source, ...texts].some((text) => matchesGlob(rule.pattern, text)),
    );
    for (const rule of rules) used.add(rule.pattern);
    const listed = wanted.get(source);
    if (rules[0] && !listed) excluded.push({ source, reason: rules[0].reason, places });
    else wanted.set(source, withPlaces(listed ?? discovered(ref, spec), places));
  }
  const images = [...wanted.values()].sort((one, other) => (one.target < other.target ? -1 : 1));
  refuseCollisions(images);
  return {
    wanted: images,
    excluded,
    hints: uncoveredHints(discovery.hints, [...wanted.keys(), ...excluded.map((image) => image.source)]),
    warnings: spec.images.discover ? idleExcludes(spec, used) : [],
  };
}

interface Grouped {
  readonly ref: Reference;
  readonly places: readonly Place[];
  readonly texts: readonly string[];
}

function groupFound(images: readonly FoundImage[]): Map<string, Grouped> {
  const groups = new Map<string, Grouped>();
  const faults: Fault[] = [];
  for (const { image, place } of images) {
    try {
      const ref = parseReference(image);
      const key = canonicalReference(ref);
      const before = groups.get(key);
      const places = [...(before?.places ?? []), place];
      groups.set(key, { ref, places, texts: [...new Set([...(before?.texts ?? []), image])] });
    } catch (error) {
      if (!isAirgapError(error)) throw error;
      faults.push({ where: formatPlace(place), what: error.message });
    }
  }
  if (faults.length > 0) {
    throw new AirgapError('REFERENCE_INVALID', 'charts name images that are no references', {
      faults,
      hint: 'give the values that the charts need for rendering (values: in the spec)',
    });
  }
  return groups;
}

function listedImages(spec: Spec): WantedImage[] {
  return spec.images.include.map(({ ref, from, target, reason }) => ({
    // no registry knows it, but what reads the layout wants a reference
    source: ref ? canonicalReference(ref) : `localhost/${target ?? ''}`,
    ...(ref ? { ref } : {}),
    ...(from ? { from } : {}),
    target: target ?? (ref ? relocate(ref, spec.relocate) : ''),
    reasons: [printable(reason ?? 'listed in the spec', 300)],
    places: [],
    listed: true,
  }));
}

function discovered(ref: Reference, spec: Spec): WantedImage {
  const target = relocate(ref, spec.relocate);
  return { source: canonicalReference(ref), ref, target, reasons: [], places: [], listed: false };
}

function withPlaces(image: WantedImage, places: readonly Place[]): WantedImage {
  const reasons = [...new Set([...image.reasons, ...places.map(formatPlace)])];
  return { ...image, places, reasons };
}

function refuseCollisions(images: readonly WantedImage[]): void {
  const faults = targetCollisions(images);
  if (faults.length === 0) return;
  throw new AirgapError('IMAGE_TARGET_COLLISION', 'images would land on one name in the target registry', {
    faults,
  });
}

function uncoveredHints(hints: readonly Hint[], known: readonly string[]): Hint[] {
  const covered = new Set(known);
  const seen = new Set<string>();
  return hints.filter(({ image }) => {
    const name = canonicalText(image);
    if (name === undefined || covered.has(name) || seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

function idleExcludes(spec: Spec, used: ReadonlySet<string>): string[] {
  return spec.images.exclude
    .filter((rule) => !used.has(rule.pattern))
    .map((rule) => `images.exclude: ${rule.pattern} has no effect; no chart names such an image`);
}
