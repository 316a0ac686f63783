import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { blobPath, bundleImages } from '../bundle/images.js';
import { layoutBundle } from '../bundle/layout.js';
import { NAMES } from '../bundle/manifest.js';
import type { Payload } from '../bundle/payload.js';
import { AirgapError } from '../errors.js';
import { checkBytes, checkedStream, type Expectation } from '../io/checked.js';
import { isManifestType } from '../oci/parse.js';
import type { Digest } from '../oci/types.js';
import type { Selection, WantedImage } from './discover/select.js';
import { draftBundle, type Findings, uniqueContents } from './plan.js';

/** Images as nodes pull them: by their own name, from the registry in it. */
export interface LeftImages {
  readonly wanted: readonly WantedImage[];
  readonly warnings: readonly string[];
}

/**
 * The images of a spec as a connected site has them. Where the spec takes the bytes from a layout or an archive, the
 * registry is asked all the same: it is what the nodes will ask.
 */
export function leaveImages({ wanted }: Pick<Selection, 'wanted'>): LeftImages {
  const nameless = wanted.filter(({ ref }) => ref === undefined);
  return {
    wanted: wanted.filter(({ ref }) => ref !== undefined).map(({ from: _from, ...image }) => image),
    warnings: nameless.map(
      ({ target }) => `${target} is left out: no registry is named that nodes could pull it from`,
    ),
  };
}

/**
 * What was found as something to install from: charts, CRDs and tools as they were fetched, and the manifests of the
 * images. Its id is the SHA-256 of a manifest that lists all of it by digest.
 * @param path what it was made from, for messages
 */
export function payloadOf(findings: Findings, path: string): Omit<Payload, 'close'> {
  const draft = draftBundle(findings);
  const manifests = manifestsOf(findings);
  const blobs = draft.blobs.filter(({ digest }) => manifests.has(digest));
  const { manifest, bundleId, byPath } = layoutBundle({ ...draft, blobs });
  const small = smallEntries(findings);
  const files = new Map(findings.tools.map((tool) => [tool.entry, tool.path]));
  const need = (name: string): Expectation => {
    const { sha256, size } = byPath.get(name) ?? {};
    if (sha256 !== undefined && size !== undefined) return { sha256, size, what: `${name} of ${path}` };
    throw new AirgapError('USAGE', `${path} brings no ${name}`);
  };
  const position = (name: string) => byPath.get(name);
  const read = async (name: string): Promise<Buffer> => {
    const expected = need(name);
    const bytes = small.get(name) ?? (await readFile(files.get(name) ?? name));
    checkBytes(bytes, expected);
    return bytes;
  };
  const stream = (name: string): Readable => {
    const check = checkedStream(need(name));
    const bytes = small.get(name);
    const source = bytes === undefined ? createReadStream(files.get(name) ?? name) : Readable.from([bytes]);
    pipeline(source, check, () => {});
    return check;
  };
  return {
    path,
    manifest,
    bundleId,
    position,
    read,
    stream,
    images: bundleImages(manifest, { position, read, stream }),
    upstream: new Map(findings.images.map(({ source, upstream }) => [source, upstream])),
  };
}

/** Entries that are in memory, by path. */
function smallEntries(findings: Findings): Map<string, Buffer> {
  const all = new Map(findings.charts.map(({ entry, chart }) => [entry, chart.bytes]));
  if (findings.crds) all.set(NAMES.crds, findings.crds.bytes);
  for (const [digest, bytes] of manifestsOf(findings)) all.set(blobPath(digest), bytes);
  return all;
}

/** Without configs: whether one was read depends on the lock, and the id must not. */
function manifestsOf({ images }: Findings): Map<Digest, Buffer> {
  const all = [...uniqueContents(images)];
  return new Map(
    all.flatMap(([digest, { bytes, descriptor }]) =>
      bytes && isManifestType(descriptor.mediaType) ? [[digest, bytes] as const] : [],
    ),
  );
}
