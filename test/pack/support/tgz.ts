import { gzipSync } from 'node:zlib';
import { Header } from 'tar';

/** An entry of a hostile or plain archive, as a test writes it. */
export interface TarEntry {
  readonly path: string;
  readonly content?: string | Buffer;
  readonly type?: 'File' | 'Directory' | 'SymbolicLink' | 'Link' | 'CharacterDevice' | 'FIFO';
  readonly linkpath?: string;
  /** Written into the header in place of the content's length. */
  readonly size?: number;
}

/** The bytes of a tar, headers exactly as asked for. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ path, content = '', type = 'File', linkpath, size }) => {
    const body = Buffer.from(content);
    const block = Buffer.alloc(512);
    const header = new Header({
      path,
      type,
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: new Date(0),
      size: size ?? body.length,
      ...(linkpath === undefined ? {} : { linkpath }),
    });
    header.encode(block, 0);
    return [block, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export function tgzOf(entries: readonly TarEntry[]): Buffer {
  return gzipSync(tarOf(entries));
}

/** A chart's archive; `files` are below its folder. */
export function chartOf(
  name: string,
  version: string,
  files: Readonly<Record<string, string | Buffer>> = {},
  more: readonly TarEntry[] = [],
): Buffer {
  const metadata = `apiVersion: v2\nname: ${name}\nversion: ${version}\nappVersion: "${version}"\n`;
  const entries = Object.entries({ 'Chart.yaml': metadata, ...files }).map(([path, content]) => ({
    path: `${name}/${path}`,
    content,
  }));
  return tgzOf([...entries, ...more]);
}

/** A template of one Deployment whose image comes from values. */
export function deployment(name: string, image: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers:
        - {name: main, image: "${image}"}
`;
}
