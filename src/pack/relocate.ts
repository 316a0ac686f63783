import type { Fault } from '../errors.js';
import type { Reference } from '../oci/types.js';
import type { Relocation } from './spec/types.js';

/**
 * The name of an image below the site's registry: repository:tag, or repository@digest for an image that is known
 * by its digest only. `flat` is the vendor's way (domain.md, section 2): the last part of the name.
 */
export function relocate(reference: Reference, relocation: Relocation): string {
  const last = reference.repository.slice(reference.repository.lastIndexOf('/') + 1);
  const repository = {
    flat: () => last,
    'keep-path': () => reference.repository,
    prefix: () => (relocation.rule === 'prefix' ? `${relocation.prefix}/${last}` : last),
  }[relocation.rule]();
  if (reference.tag === undefined && reference.digest !== undefined)
    return `${repository}@${reference.digest}`;
  return `${repository}:${reference.tag ?? 'latest'}`;
}

/** The relocation as the manifest writes it: flat, keep-path, prefix:NAME. */
export function formatRelocation(relocation: Relocation): string {
  return relocation.rule === 'prefix' ? `prefix:${relocation.prefix}` : relocation.rule;
}

interface Relocated {
  readonly source: string;
  readonly target: string;
  readonly reasons: readonly string[];
}

/** Every target that more than one image would land on, with all of them (threat 80). */
export function targetCollisions(images: readonly Relocated[]): Fault[] {
  const byTarget = new Map<string, Relocated[]>();
  for (const image of images) byTarget.set(image.target, [...(byTarget.get(image.target) ?? []), image]);
  return [...byTarget.entries()]
    .filter(([, claimants]) => claimants.length > 1)
    .map(([target, claimants]) => ({
      where: target,
      what: `is the target of ${claimants.length} images`,
      found: claimants.map((image) => `${image.source} (${image.reasons[0] ?? 'no reason'})`).join('; '),
    }));
}
