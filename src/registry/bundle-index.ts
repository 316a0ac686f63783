import type { BundleImage } from '../bundle/manifest.js';
import { parseReference } from '../oci/reference.js';
import type { Descriptor, Digest } from '../oci/types.js';
import type { BundleContent } from './bundle-content.js';
import { type ContentDigest, readContentDigest } from './content-digest.js';
import { LARGEST_MANIFEST, type ManifestContent, readManifestContent } from './manifest-content.js';
import { describeReferrer } from './referrer.js';
import type { ReferrerDescriptor } from './types.js';

/** One repository as a bundle fills it. */
export interface BundleRepository {
  readonly tags: Map<string, string>;
  /** By digest: every manifest that an image of the repository reaches. */
  readonly manifests: Map<string, { readonly descriptor: Descriptor; readonly mediaType: string }>;
  readonly blobs: Set<string>;
  /** By subject. */
  readonly referrers: Map<string, ReferrerDescriptor[]>;
}

/** The repositories of a bundle, from its manifests alone: no blob is read. */
export interface BundleIndex {
  /** Below the names that the images have in the site's registry. */
  readonly targets: ReadonlyMap<string, BundleRepository>;
  /** Below `registry/repository` of the places that the images came from, for mirrors. */
  readonly sources: ReadonlyMap<string, BundleRepository>;
}

interface Found {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly content: ManifestContent;
}

/** Reads every manifest of a bundle once and files it under each repository that has it. */
export async function indexBundle(bundle: BundleContent): Promise<BundleIndex> {
  const targets = new Map<string, BundleRepository>();
  const sources = new Map<string, BundleRepository>();
  for (const image of bundle.images) {
    const found = await collect(bundle, image.descriptor, new Set());
    const target = splitTarget(image.target);
    file(repositoryIn(targets, target.repository), target.tag, image.descriptor.digest, found);
    const source = readSource(image);
    if (source) file(repositoryIn(sources, source.repository), source.tag, image.descriptor.digest, found);
  }
  return { targets, sources };
}

/** The manifests below a descriptor, itself first; those that the bundle lacks are left out. */
async function collect(bundle: BundleContent, descriptor: Descriptor, seen: Set<string>): Promise<Found[]> {
  if (seen.has(descriptor.digest) || descriptor.size > LARGEST_MANIFEST) return [];
  seen.add(descriptor.digest);
  const bytes = await bundle.readManifest(descriptor);
  if (!bytes) return [];
  const content = readManifestContent(bytes);
  const below: Found[] = [];
  for (const child of content.manifests) {
    const size = bundle.blobSize(child);
    if (size === undefined || child.algorithm !== 'sha256') continue;
    below.push(...(await collect(bundle, { mediaType: '', digest: child.text as Digest, size }, seen)));
  }
  return [{ descriptor, bytes, content }, ...below];
}

function file(
  repository: BundleRepository,
  tag: string | undefined,
  root: string,
  found: readonly Found[],
): void {
  if (tag !== undefined) repository.tags.set(tag, root);
  for (const { descriptor, bytes, content } of found) {
    if (repository.manifests.has(descriptor.digest)) continue;
    repository.manifests.set(descriptor.digest, { descriptor, mediaType: content.mediaType });
    for (const blob of content.blobs) repository.blobs.add(blob.text);
    const digest = readContentDigest(descriptor.digest);
    if (content.subject && digest)
      addReferrer(repository, content.subject, describeReferrer({ digest, bytes, content }));
  }
}

function addReferrer(repository: BundleRepository, subject: ContentDigest, entry: ReferrerDescriptor): void {
  const list = repository.referrers.get(subject.text);
  if (list) list.push(entry);
  else repository.referrers.set(subject.text, [entry]);
}

function repositoryIn(all: Map<string, BundleRepository>, name: string): BundleRepository {
  const known = all.get(name);
  if (known) return known;
  const made = { tags: new Map(), manifests: new Map(), blobs: new Set<string>(), referrers: new Map() };
  all.set(name, made);
  return made;
}

/** `repository:tag` or `repository@sha256:…`; repositories hold no colon. */
function splitTarget(target: string): { repository: string; tag?: string } {
  const at = target.indexOf('@');
  if (at >= 0) return { repository: target.slice(0, at) };
  const colon = target.lastIndexOf(':');
  return colon < 0
    ? { repository: target }
    : { repository: target.slice(0, colon), tag: target.slice(colon + 1) };
}

/** Images that came from a layout or an archive have a source that is no reference: no mirror can ask for them. */
function readSource(image: BundleImage): { repository: string; tag?: string } | undefined {
  try {
    const { registry, repository, tag } = parseReference(image.source);
    return { repository: `${registry}/${repository}`, ...(tag === undefined ? {} : { tag }) };
  } catch {
    return undefined;
  }
}
