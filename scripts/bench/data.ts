import { createCipheriv, createHash } from 'node:crypto';
import { link, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** The data of every figure: twelve images on two shared bases, layers that cannot be compressed. */
export interface DataSet {
  /** One OCI layout with all images, named IMAGE. */
  readonly layout: string;
  /** For each image an OCI layout of its own, sharing the files of the blobs. */
  readonly images: readonly { readonly name: string; readonly layout: string }[];
  /** Bytes of all blobs, each counted once; manifests included. */
  readonly uniqueBytes: number;
  /** Digests of layers and configs with their sizes. */
  readonly blobs: ReadonlyMap<string, number>;
}

const MIB = 1024 * 1024;
const BASES = [150, 80];
/** Own layers of the images in turn, MiB: with the bases 1,750 MiB in all. */
const OWN = [[60, 90, 20], [60, 90], [60]];
const IMAGES = 12;

const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Makes the data below a folder. The same scale gives the same bytes everywhere. @param scale 1 for the sizes above */
export async function makeData(folder: string, scale: number): Promise<DataSet> {
  const layout = join(folder, 'all');
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
  const blobs = new Map<string, number>();
  let uniqueBytes = 0;

  const put = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    const digest = `sha256:${hex}`;
    await writeFile(join(layout, 'blobs/sha256', hex), bytes);
    if (mediaType !== MANIFEST) blobs.set(digest, bytes.length);
    uniqueBytes += bytes.length;
    return { mediaType, digest, size: bytes.length };
  };
  const layer = async (name: string, mib: number) => {
    const content = keystream(name, Math.max(1, Math.round(mib * MIB * scale)));
    const diffId = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    return { ...(await put(await promisify(gzip)(content, { level: 0 }), LAYER)), diffId };
  };

  const bases = [];
  for (const [index, mib] of BASES.entries()) bases.push(await layer(`base ${index}`, mib));
  const roots: (Descriptor & { name: string; parts: readonly Descriptor[] })[] = [];
  for (let index = 0; index < IMAGES; index++) {
    const layers = [bases[index % bases.length] as Awaited<ReturnType<typeof layer>>];
    for (const [part, mib] of (OWN[index % OWN.length] ?? []).entries()) {
      layers.push(await layer(`image ${index}, layer ${part}`, mib));
    }
    const name = `app${index}`;
    const config = await put(
      configOf(
        name,
        layers.map(({ diffId }) => diffId),
      ),
      CONFIG,
    );
    const described = layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
    const document = { schemaVersion: 2, mediaType: MANIFEST, config, layers: described };
    const root = await put(Buffer.from(JSON.stringify(document)), MANIFEST);
    roots.push({ ...root, name, parts: [root, config, ...described] });
  }
  await writeIndex(layout, roots);
  const images = [];
  for (const root of roots) images.push({ name: root.name, layout: await single(folder, layout, root) });
  return { layout, images, uniqueBytes, blobs };
}

async function single(
  folder: string,
  all: string,
  root: Descriptor & { readonly name: string; readonly parts: readonly Descriptor[] },
): Promise<string> {
  const layout = join(folder, root.name);
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
  for (const { digest } of root.parts) {
    const file = join('blobs/sha256', digest.slice('sha256:'.length));
    await link(join(all, file), join(layout, file));
  }
  await writeIndex(layout, [root]);
  return layout;
}

async function writeIndex(
  layout: string,
  roots: readonly (Descriptor & { readonly name: string })[],
): Promise<void> {
  const manifests = roots.map(({ mediaType, digest, size, name }) => ({
    mediaType,
    digest,
    size,
    annotations: { 'org.opencontainers.image.ref.name': name },
  }));
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}

function configOf(name: string, diffIds: readonly string[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Labels: { name } },
      rootfs: { type: 'layers', diff_ids: diffIds },
    }),
  );
}

/** Bytes that no compressor shortens and that a name decides. */
function keystream(name: string, size: number): Buffer {
  const key = createHash('sha256').update(`airgap bench ${name}`).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
}
