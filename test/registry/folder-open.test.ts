import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAirgapError } from '../../src/errors.js';
import { serveFolder } from '../../src/registry/index.js';
import {
  ask,
  atEnd,
  digestOf,
  filesBelow,
  jsonOf,
  noise,
  pushBlob,
  pushImage,
  startFolder,
  startUpload,
  temporaryFolder,
} from './support.js';

test('everything is there again after a restart', async (t) => {
  const first = await startFolder(t);
  const image = await pushImage(first.url, 'a', 'v1', {
    subject: { mediaType: 'application/x', digest: `sha256:${'5'.repeat(64)}`, size: 1 },
  });
  await first.close();
  const { url } = await startFolder(t, { root: first.root });
  assert.ok((await ask('GET', `${url}/v2/a/manifests/v1`)).body.equals(image.manifest));
  assert.ok((await ask('GET', `${url}/v2/a/blobs/${digestOf(image.layer)}`)).body.equals(image.layer));
  const referrers = jsonOf(await ask('GET', `${url}/v2/a/referrers/sha256:${'5'.repeat(64)}`)) as {
    manifests: object[];
  };
  assert.equal(referrers.manifests.length, 1);
});

test('a folder is served once', async (t) => {
  const { root } = await startFolder(t);
  await assert.rejects(
    serveFolder(root),
    (error) => isAirgapError(error, 'LOCKED') && error.exitStatus === 9,
  );
});

test('a folder that cannot be made is said', async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, 'file'), 'x');
  await assert.rejects(serveFolder(join(folder, 'file/below')), (error) =>
    isAirgapError(error, 'OUTPUT_UNWRITABLE'),
  );
});

test('content that nothing links and files of cut uploads are cleared away at start', async (t) => {
  const first = await startFolder(t);
  const kept = await pushImage(first.url, 'a', 'v1');
  await ask('PATCH', await startUpload(first.url, 'a'), { body: noise(100) });
  await first.close();
  const orphan = join(first.root, 'docker/registry/v2/blobs/sha256', 'ab', 'ab'.repeat(32), 'data');
  await mkdir(dirname(orphan), { recursive: true });
  await writeFile(orphan, 'x');
  await writeFile(join(first.root, '.airgap/tmp/left-over'), 'x');
  const { url } = await startFolder(t, { root: first.root });
  assert.deepEqual(await readdir(join(first.root, '.airgap/tmp')), []);
  const data = (await filesBelow(first.root)).filter((path) => path.endsWith('/data'));
  assert.equal(data.length, 3);
  assert.equal((await ask('GET', `${url}/v2/a/manifests/${kept.digest}`)).status, 200);
});

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

async function startChild(root: string): Promise<{ url: string; kill: () => Promise<void> }> {
  const args = ['--import', 'tsx', MAIN, 'registry', 'serve', '--root', root, '--listen', '127.0.0.1:0'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const exited = once(child, 'exit');
  return {
    url: line.toString().trim(),
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

test('kill -9 during a push leaves nothing under a final name, and the same push then succeeds', async (t) => {
  const root = await temporaryFolder(t);
  const bytes = noise(4_000_000);
  const digest = digestOf(bytes);
  for (const wait of [0, 3, 10, 25, 60]) {
    const { url, kill } = await startChild(root);
    atEnd(t, kill);
    const settled = Promise.allSettled([
      pushBlob(url, 'a', bytes),
      pushBlob(url, 'b', noise(2_000_000)),
      pushImage(url, 'c', `v${wait}`),
    ]);
    await sleep(wait);
    await kill();
    await settled;
    await everythingIsWhole(root);
  }
  const { url, kill } = await startChild(root);
  atEnd(t, kill);
  assert.equal((await pushBlob(url, 'a', bytes)).status, 201);
  await kill();
  const again = await startChild(root);
  atEnd(t, again.kill);
  assert.ok(
    (await ask('GET', `${again.url}/v2/a/blobs/${digest}`)).body.equals(bytes),
    'what was answered with 201 stays',
  );
});

test('a full disk is said with 507, and what was there is served on', {
  skip: noTmpfs(),
}, async (t) => {
  const { execFileSync } = await import('node:child_process');
  const root = await temporaryFolder(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', root]);
  atEnd(t, async () => {
    execFileSync('umount', [root]);
  });
  const { url } = await startFolder(t, { root });
  const small = noise(500_000);
  assert.equal((await pushBlob(url, 'a', small)).status, 201);
  const large = await pushBlob(url, 'a', noise(5_000_000));
  assert.equal(large.status, 507);
  assert.match(large.body.toString(), /no room left/);
  assert.deepEqual(await readdir(join(root, '.airgap/tmp')), []);
  assert.ok((await ask('GET', `${url}/v2/a/blobs/${digestOf(small)}`)).body.equals(small));
  assert.equal((await pushBlob(url, 'b', noise(600_000))).status, 201);
});

/** Every content hashes to its name; every link leads to a content. */
async function everythingIsWhole(root: string): Promise<void> {
  const { createHash } = await import('node:crypto');
  const { readFile } = await import('node:fs/promises');
  for (const path of await filesBelow(root)) {
    if (path.endsWith('/data')) {
      const hex = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      assert.equal(hex, path.split('/').at(-2));
    }
    if (path.endsWith('/link')) {
      const hex = (await readFile(path, 'utf8')).split(':')[1] ?? '';
      const content = join(root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
      assert.ok((await readFile(content)).length >= 0);
    }
  }
}

function noTmpfs(): string | false {
  return process.getuid?.() === 0 ? false : 'needs root to mount a small tmpfs';
}
