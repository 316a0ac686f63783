import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { noise, sample, temporaryFolder, writeSample } from '../bundle/helpers.js';
import type { Scope } from '../pack/support/folder.js';
import { airgap } from '../pack/support/pack.js';
import { startRegistry } from '../pack/support/registry.js';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
/** Bytes of a second that the way to the registry carries. */
const RATE = 700_000;

interface Arrived {
  readonly host: string;
  /** Digests of blobs whose upload the registry answered with 201, in order; a mount is none. */
  readonly blobs: string[];
  /** Bodies of uploads that began. */
  readonly begun: () => number;
}

/** Stands before a real registry: slows uploads down and writes down which ones arrived. */
async function startSlowWay(t: Scope, upstream: string): Promise<Arrived> {
  const blobs: string[] = [];
  let begun = 0;
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming;
    const digest = new URL(url, 'http://way').searchParams.get('digest');
    const isUpload = (method === 'PUT' || method === 'PATCH') && url.includes('/blobs/uploads/');
    const [host, port] = upstream.split(':');
    const forwarded = request({ host, port, method, path: url, headers }, (answer) => {
      if (isUpload && digest && answer.statusCode === 201) blobs.push(digest);
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.on('error', () => forwarded.destroy());
    if (!isUpload) {
      incoming.pipe(forwarded);
      return;
    }
    begun++;
    const carry = async (): Promise<void> => {
      for await (const chunk of incoming as AsyncIterable<Buffer>) {
        forwarded.write(chunk);
        await sleep((chunk.length / RATE) * 1000);
      }
      forwarded.end();
    };
    carry().catch(() => forwarded.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, blobs, begun: () => begun };
}

test('push, killed at three random moments, then the same command: nothing that arrived is sent twice', async (t) => {
  const base = noise(200_000, 'base');
  const bundle = sample({
    images: NAMES.map((name) => ({
      source: `registry.example.com/${name}:1`,
      target: `${name}:1`,
      layers: [base, noise(300_000, `own ${name}`)],
    })),
  });
  const file = join(await temporaryFolder(t), 'b.tar');
  await writeSample(file, bundle);
  const registry = await startRegistry(t);
  const way = await startSlowWay(t, registry);
  const push = (kill?: Promise<void>) =>
    airgap(['push', file, '--registry', way.host, '--plain-http', '--concurrency', '2'], {
      cwd: '/',
      ...(kill === undefined ? {} : { kill }),
    });

  for (let round = 0; round < 3; round++) {
    const [begun, arrived] = [way.begun(), way.blobs.length];
    const moment = Math.random() * 250;
    const underWay = async (): Promise<void> => {
      for (let tries = 0; tries < 1500; tries++) {
        // one more has arrived, and another one is on its way
        if (way.blobs.length > arrived && way.begun() > begun + 1) break;
        await sleep(20);
      }
      await sleep(moment);
    };
    const killed = await push(underWay());
    assert.equal(killed.status, null, `the push ended before it was killed: ${killed.out}${killed.err}`);
    const tags = await Promise.all(NAMES.map((name) => fetch(`http://${registry}/v2/${name}/tags/list`)));
    for (const [index, answer] of tags.entries()) {
      if (answer.status === 404) continue;
      const { tags: names } = (await answer.json()) as { tags: string[] | null };
      if (names === null) continue;
      const whole = await fetch(`http://${registry}/v2/${NAMES[index]}/manifests/1`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      });
      assert.equal(whole.status, 200, 'a tag stands for a manifest that is there');
    }
  }

  const { status, out, err } = await push();
  assert.equal(status, 0, err);
  assert.match(out, /8 images in /);
  assert.equal(new Set(way.blobs).size, way.blobs.length, `sent twice: ${way.blobs.join(' ')}`);
  const manifests = new Set(bundle.draft.images.map(({ descriptor }) => descriptor.digest as string));
  const blobs = bundle.draft.blobs
    .map(({ digest }) => digest as string)
    .filter((digest) => !manifests.has(digest));
  assert.deepEqual([...way.blobs].sort(), blobs.sort(), 'each blob of the bundle arrived once');
  for (const { target, descriptor } of bundle.draft.images) {
    const [repository, tag] = target.split(':');
    const answer = await fetch(`http://${registry}/v2/${repository}/manifests/${tag}`, {
      method: 'HEAD',
      headers: { accept: descriptor.mediaType },
    });
    assert.equal(answer.headers.get('docker-content-digest'), descriptor.digest);
  }
  const sent = way.begun();
  const again = await push();
  assert.equal(again.status, 0, again.err);
  assert.equal(way.begun(), sent, 'the same once more sends nothing');
});
