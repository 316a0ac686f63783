import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { MEDIA } from '../../src/oci/types.js';
import { pairOf } from './support/client.js';
import { reply } from './support/faults.js';
import { makeImage } from './support/images.js';

const TAGS = /tags\/list/;

test('tags are listed over all pages', async (t) => {
  const { fake, client } = await pairOf(t);
  const { manifest } = makeImage([1]);
  for (const tag of ['a', 'b', 'c', 'd', 'e'])
    fake.putManifest('x/y', tag, manifest.bytes, MEDIA.ociManifest);
  assert.deepEqual(await client.tags('x/y'), ['a', 'b', 'c', 'd', 'e']);
  assert.equal(fake.count('GET', TAGS), 3);
});

test('a repository that is not there has no tags', async (t) => {
  const { fake, client } = await pairOf(t);
  assert.deepEqual(await client.tags('nope'), []);
  fake.on('GET', TAGS, reply(200, {}, '{"name":"x","tags":null}'));
  assert.deepEqual(await client.tags('empty'), []);
});

test('pages that lead in a circle, to another host or to nonsense end in an error', async (t) => {
  const { fake, client } = await pairOf(t);
  const page = '{"tags":["a"]}';
  fake.on('GET', TAGS, reply(200, { link: '<http://localhost:1/x>; rel="next"' }, page));
  await assert.rejects(client.tags('x'), (error) => isAirgapError(error, 'REGISTRY_PROTOCOL'));
  fake.on('GET', TAGS, reply(200, {}, '<html>'));
  await assert.rejects(client.tags('x'), (error) => isAirgapError(error, 'REGISTRY_PROTOCOL'));
  fake.on('GET', TAGS, reply(200, { link: '</v2/x/tags/list?last=a>; rel="next"' }, page), { times: 5000 });
  await assert.rejects(
    client.tags('x'),
    (error) => isAirgapError(error, 'REGISTRY_PROTOCOL') && /pages/.test(error.found ?? ''),
  );
});
