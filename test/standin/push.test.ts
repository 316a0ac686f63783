import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { chartsOf, imagesOf, made, program, render, sha256, temporary } from './support.js';

const TYPES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

const registry = program('docker-registry');
const helm = program('helm');

interface Running {
  readonly host: string;
  /** Paths of the uploads begun so far. */
  readonly uploads: () => string[];
  readonly stop: () => void;
}

/**
 * The real registry on a port of its own. Its log, which tells what was asked, goes to a file: nobody empties a
 * pipe while the script is waited for.
 */
async function serve(program: string, root: string): Promise<Running> {
  const config = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: root } },
    http: { addr: '127.0.0.1:0' },
  };
  const [file, log] = [join(root, 'config.json'), join(root, 'log')];
  mkdirSync(root);
  writeFileSync(file, JSON.stringify(config));
  const output = openSync(log, 'w');
  const child = spawn(program, ['serve', file], { stdio: ['ignore', output, output] });
  closeSync(output);
  const text = () => readFileSync(log, 'utf8');
  for (let tries = 0; tries < 100; tries++) {
    const host = /listening on (127\.0\.0\.1:\d+)/.exec(text())?.[1];
    if (host !== undefined) return { host, uploads: () => uploadsIn(text()), stop: () => child.kill() };
    assert.equal(child.exitCode, null, text());
    await sleep(100);
  }
  child.kill();
  throw new Error(`the registry does not listen: ${text()}`);
}

function uploadsIn(log: string): string[] {
  return [...log.matchAll(/"POST (\S+) HTTP/g)].map((match) => match[1] ?? '');
}

const skip = registry === undefined || helm === undefined ? 'no docker-registry or helm' : false;

describe('a push into a real registry', { skip }, () => {
  it('brings every image that the charts name, byte for byte, and each blob once', async (context) => {
    const folder = temporary(context);
    const { host, uploads, stop } = await serve(registry as string, join(folder, 'registry'));
    context.after(stop);
    const out = join(folder, 'out');
    made(['--version', '2.13.66', '--out', out, '--registry', host]);

    const spec = parse(readFileSync(join(out, 'spec.yaml'), 'utf8'));
    assert.deepEqual(spec.plainHttp, [host]);
    assert.deepEqual(
      spec.images.include.map(({ ref }: { ref: string }) => ref),
      [`${host}/run-ai-prod/mps-server:2.13.66`],
    );
    const charts = chartsOf(out);
    const named = imagesOf([
      ...render(helm as string, charts.backend),
      ...render(helm as string, charts.cluster),
    ]);
    const refs = [...named.filter((ref) => !ref.includes('/bats/')), spec.images.include[0].ref];
    assert.ok(refs.length >= 20, `only ${refs.length} images`);
    for (const ref of refs) {
      const [, repository, reference] = /^[^/]+\/([^@]+?)(?::|@(?=sha256))([^/]+)$/.exec(ref) ?? [];
      const answer = await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, {
        headers: { accept: TYPES },
      });
      assert.equal(answer.status, 200, ref);
      const bytes = Buffer.from(await answer.arrayBuffer());
      const stored = readFileSync(join(out, 'images/blobs/sha256', sha256(bytes)));
      assert.ok(stored.equals(bytes), ref);
    }
    const first = uploads();
    assert.ok(first.length >= refs.length, `only ${first.length} uploads seen`);
    made(['--version', '2.13.66', '--out', out, '--registry', host]);
    assert.deepEqual(uploads().slice(first.length), [], 'a second push uploads no blob');
  });

  it('fails with one line when nobody listens', (context) => {
    const out = temporary(context);
    assert.throws(
      () => made(['--version', '2.9', '--out', out, '--registry', '127.0.0.1:1']),
      /HEAD http:\/\/127\.0\.0\.1:1\/v2\/\S+ failed: \S+ ECONNREFUSED/,
    );
  });
});
