import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedRootfsLayer } from './cache.js';
import type { ImageDef } from './images.js';
import { type Layer, layerOf } from './oci/blob.js';
import { type Image, type ImageConfig, imageOf, indexOf } from './oci/image.js';
import { type TarEntry, tarOf } from './oci/tar.js';

const run = promisify(execFile);

/** The layers that all stand-in images are made of. */
export interface Layers {
  readonly busybox: Layer;
  /** For the other platform of an index: nothing in it runs. */
  readonly arm64: Layer;
  /** Absent when the database is to be a plain stand-in. */
  readonly postgresql?: readonly Layer[];
}

export interface LayerSources {
  /** A statically linked busybox. */
  readonly busybox: string;
  /** Tar of a root file system with PostgreSQL; none for a stand-in database. */
  readonly rootfs?: string;
  /** Where the slowly made layer is kept. */
  readonly cache: string;
}

const ASSETS = join(import.meta.dirname, 'assets');

/** Makes the layers. */
export async function makeLayers(sources: LayerSources): Promise<Layers> {
  return {
    busybox: await busyboxLayer(sources.busybox),
    arm64: layerOf(tarOf([{ path: 'README', data: 'The image for this platform is not made.\n' }])),
    ...(sources.rootfs === undefined
      ? {}
      : { postgresql: await postgresqlLayers(sources.rootfs, sources.cache) }),
  };
}

async function busyboxLayer(path: string): Promise<Layer> {
  const { stdout } = await run(path, ['--list']);
  const applets = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  const entries: TarEntry[] = [
    { path: 'bin/' },
    { path: 'bin/busybox', data: await readFile(path), mode: 0o755 },
    ...applets.map((name) => ({ path: `bin/${name}`, link: 'busybox', mode: 0o777 })),
    { path: 'entrypoint', data: await asset('service.sh'), mode: 0o755 },
    { path: 'operator', data: await asset('operator.sh'), mode: 0o755 },
    { path: 'etc/' },
    { path: 'etc/passwd', data: 'root:x:0:0:root:/:/bin/sh\nservice:x:1001:1001:service:/tmp:/bin/sh\n' },
    { path: 'etc/group', data: 'root:x:0:\nservice:x:1001:\n' },
    { path: 'tmp/', mode: 0o1777 },
  ];
  return layerOf(tarOf(entries));
}

async function postgresqlLayers(rootfs: string, cache: string): Promise<Layer[]> {
  const files = ['postgresql-init.sql', 'postgresql-start.sql'] as const;
  const scripts = await Promise.all(
    files.map(async (file) => ({
      path: `opt/bitnami/scripts/${file.replace('postgresql-', '')}`,
      data: await asset(file),
    })),
  );
  const own: TarEntry[] = [
    { path: 'bitnami/' },
    { path: 'bitnami/postgresql/', uid: 1001, mode: 0o700 },
    { path: 'etc/passwd', data: PASSWD },
    { path: 'etc/group', data: 'root:x:0:\npostgres:x:1001:\n' },
    { path: 'opt/bitnami/' },
    { path: 'opt/bitnami/postgresql', link: '/usr/lib/postgresql/15' },
    { path: 'opt/bitnami/scripts/' },
    { path: 'opt/bitnami/scripts/entrypoint.sh', data: await asset('postgresql-entrypoint.sh'), mode: 0o755 },
    ...scripts,
  ];
  return [await cachedRootfsLayer(rootfs, cache), layerOf(tarOf(own))];
}

const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\npostgres:x:1001:1001:PostgreSQL:/bitnami/postgresql:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n';

function asset(name: string): Promise<string> {
  return readFile(join(ASSETS, name), 'utf8');
}

/** Makes one image; its config names it, so that no two images are alike. */
export function makeImage(def: ImageDef, layers: Layers): Image {
  if (def.kind === 'postgresql' && layers.postgresql) {
    return imageOf(postgresqlConfig(def), layers.postgresql, def.form);
  }
  const config = busyboxConfig(def);
  if (def.form === 'index') return indexOf(config, [layers.busybox], [layers.arm64]);
  return imageOf(config, [layers.busybox], def.form);
}

function busyboxConfig(def: ImageDef): ImageConfig {
  return {
    title: `${def.home}/${def.name}`,
    version: def.tag,
    env: { PATH: '/bin', IMAGE_NAME: def.name, IMAGE_VERSION: def.tag },
    entrypoint:
      def.kind === 'service' || def.kind === 'postgresql' ? ['/entrypoint'] : ['/bin/echo', def.name],
    user: '1001',
  };
}

function postgresqlConfig(def: ImageDef): ImageConfig {
  return {
    title: `${def.home}/${def.name}`,
    version: def.tag,
    env: {
      PATH: '/opt/bitnami/postgresql/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      IMAGE_NAME: def.name,
      IMAGE_VERSION: def.tag,
      PGDATA: '/bitnami/postgresql/data',
      LANG: 'C.UTF-8',
    },
    entrypoint: ['/opt/bitnami/scripts/entrypoint.sh'],
    user: '1001',
    stopSignal: 'SIGINT',
  };
}
