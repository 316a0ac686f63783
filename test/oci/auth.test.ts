import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { pairOf } from './support/client.js';
import { drain, FakeRegistry as Fake, type FakeRegistry, send } from './support/fake-registry.js';
import { refuse, reply, wantBearer } from './support/faults.js';
import { collect, describeBlob, openerOf } from './support/images.js';

const bytes = randomBytes(1000);
const blob = describeBlob(bytes);
const ANY = /^\/v2\//;

/** A token service on the fake itself: every token asked for becomes valid. */
function withTokens(
  fake: FakeRegistry,
  answer: (count: number) => object = () => ({ expires_in: 300 }),
): { asked: URLSearchParams[]; valid: Set<string> } {
  const asked: URLSearchParams[] = [];
  const valid = new Set<string>();
  fake.on(
    'GET',
    /^\/token$/,
    (exchange) => {
      asked.push(exchange.seen.query);
      valid.add(`t${asked.length}`);
      send(exchange, 200, {}, JSON.stringify({ token: `t${asked.length}`, ...answer(asked.length) }));
      return true;
    },
    { times: 99 },
  );
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    fake.on(
      method,
      ANY,
      wantBearer(() => `${fake.url}/token`, valid),
      { times: 999 },
    );
  }
  return { asked, valid };
}

test('a registry without authentication is asked without it', async (t) => {
  const { fake, client } = await pairOf(t);
  await client.ping();
  assert.equal(fake.seen[0]?.headers.authorization, undefined);
});

test('basic credentials go out only after they were asked for', async (t) => {
  const { fake, client } = await pairOf(t, {
    credentials: { kind: 'basic', username: 'u', password: 'a:b' },
  });
  fake.putBlob('a', bytes);
  fake.on('HEAD', ANY, reply(401, { 'www-authenticate': 'Basic realm="x"' }));
  assert.equal(await client.hasBlob('a', blob), true);
  assert.equal(await client.hasBlob('a', blob), true);
  const sent = fake.seen.map(({ headers }) => headers.authorization);
  const basic = `Basic ${Buffer.from('u:a:b').toString('base64')}`;
  assert.deepEqual(sent, [undefined, basic, basic]);
});

test('a bearer token is fetched once for a repository and kept', async (t) => {
  const { fake, client } = await pairOf(t);
  const { asked } = withTokens(fake);
  fake.putBlob('a/b', bytes);
  assert.deepEqual(await collect(await client.blob('a/b', blob)), bytes);
  assert.deepEqual(await collect(await client.blob('a/b', blob)), bytes);
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.get('service'), 'fake');
  assert.deepEqual(asked[0]?.getAll('scope'), ['repository:a/b:pull']);
});

test('pushing asks for push, and mounting for both repositories', async (t) => {
  const { fake, client } = await pairOf(t);
  const { asked } = withTokens(fake);
  fake.putBlob('base', bytes);
  await client.putBlob('a', blob, openerOf(bytes), { from: ['base'] });
  assert.deepEqual(asked.at(-1)?.getAll('scope'), ['repository:a:pull,push', 'repository:base:pull']);
});

test('tokens of basic credentials are asked for with them', async (t) => {
  const { fake, client } = await pairOf(t, { credentials: { kind: 'basic', username: 'u', password: 'p' } });
  withTokens(fake);
  await client.ping();
  const token = fake.seen.find(({ path }) => path === '/token');
  assert.equal(token?.headers.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`);
});

test('threat 77: an identity token is exchanged by POST', async (t) => {
  const { fake, client } = await pairOf(t, { credentials: { kind: 'identity', token: 'refresh-me' } });
  const { valid } = withTokens(fake);
  let form = new URLSearchParams();
  fake.on('POST', /^\/token$/, async (exchange) => {
    form = new URLSearchParams((await drain(exchange)).toString());
    valid.add('access');
    send(exchange, 200, {}, JSON.stringify({ access_token: 'access', expires_in: 300 }));
    return true;
  });
  await client.ping();
  assert.deepEqual(
    [form.get('grant_type'), form.get('refresh_token'), form.get('service')],
    ['refresh_token', 'refresh-me', 'fake'],
  );
  assert.equal(fake.seen.at(-1)?.headers.authorization, 'Bearer access');
});

test('a ready bearer token is used as it is', async (t) => {
  const { fake, client } = await pairOf(t, { credentials: { kind: 'bearer', token: 'ready' } });
  const { valid, asked } = withTokens(fake);
  valid.add('ready');
  await client.ping();
  assert.equal(asked.length, 0);
});

test('threat 57: a token is renewed before it expires', async (t) => {
  let now = 1_000_000;
  const { fake, client } = await pairOf(t, { now: () => now });
  const { asked } = withTokens(fake, () => ({ expires_in: 60 }));
  fake.putBlob('a', bytes);
  await client.hasBlob('a', blob);
  now += 45_000;
  await client.hasBlob('a', blob);
  assert.equal(asked.length, 1);
  now += 10_000;
  await client.hasBlob('a', blob);
  assert.equal(asked.length, 2);
  assert.equal(fake.count('HEAD'), 4, 'the expired token was never tried');
});

test('threat 56: a token that is refused is renewed once, then it ends', async (t) => {
  const { fake, client } = await pairOf(t);
  const { valid, asked } = withTokens(fake);
  Object.defineProperty(valid, 'has', { value: () => false });
  const started = performance.now();
  await assert.rejects(
    client.ping(),
    (error) => isAirgapError(error, 'REGISTRY_AUTH') && error.exitStatus === 5,
  );
  assert.ok(performance.now() - started < 20_000);
  assert.equal(asked.length, 1);
  assert.equal(fake.count('GET', ANY), 2);
});

test('threat 56: no credentials at all is said as such', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', ANY, reply(401, { 'www-authenticate': 'Basic realm="x"' }), { times: 9 });
  await assert.rejects(client.ping(), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_AUTH'));
    assert.match(error.message, /none were found/);
    assert.match(error.hint, /docker login/);
    return true;
  });
});

test('a token service that refuses the login ends at once, with its words', async (t) => {
  const { fake, client } = await pairOf(t, {
    credentials: { kind: 'basic', username: 'u', password: 'secret-pw' },
  });
  fake.on('GET', /^\/token$/, refuse(401, 'UNAUTHORIZED', 'incorrect username or password'), { times: 9 });
  fake.on(
    'GET',
    ANY,
    wantBearer(() => `${fake.url}/token`, new Set()),
    { times: 9 },
  );
  await assert.rejects(client.ping(), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_AUTH'));
    assert.match(error.found ?? '', /incorrect username or password/);
    assert.ok(!JSON.stringify({ ...error, message: error.message }).includes('secret-pw'));
    return true;
  });
  assert.equal(fake.count('GET', /token/), 1);
});

test('a token service that is busy is asked again', async (t) => {
  const { fake, client } = await pairOf(t);
  fake.on('GET', /^\/token$/, reply(503), { times: 2 });
  const { asked } = withTokens(fake);
  await client.ping();
  assert.equal(asked.length, 1);
});

for (const body of ['', '[]', '{}', 'null', '{"token":7}', '{"token":""}', '{"token":"a\\nb"}']) {
  test(`a token service that answers ${body || 'nothing'} is refused`, async (t) => {
    const { fake, client } = await pairOf(t);
    fake.on('GET', /^\/token$/, reply(200, {}, body), { times: 9 });
    fake.on(
      'GET',
      ANY,
      wantBearer(() => `${fake.url}/token`, new Set()),
      { times: 9 },
    );
    await assert.rejects(client.ping(), (error) => isAirgapError(error, 'REGISTRY_AUTH'));
  });
}

test('threat 71: a token service on another host gets nothing unless it is listed', async (t) => {
  const other = await Fake.start();
  t.after(() => other.close());
  const realm = (): string => `http://localhost:${other.port}/token`;
  const credentials = { kind: 'basic', username: 'u', password: 'p' } as const;
  const { fake, client } = await pairOf(t, { credentials });
  fake.on('GET', ANY, wantBearer(realm, new Set()), { times: 9 });
  await assert.rejects(client.ping(), (error) => {
    assert.ok(isAirgapError(error, 'REGISTRY_AUTH'));
    assert.match(error.message, /another host/);
    assert.equal(error.found, realm());
    return true;
  });
  assert.equal(other.seen.length, 0);
});

test('threat 71: a listed token service is asked', async (t) => {
  const other = await Fake.start();
  t.after(() => other.close());
  other.on('GET', /^\/token$/, reply(200, {}, '{"token":"t"}'));
  const { fake, client } = await pairOf(t, { tokenHosts: ['localhost'] });
  fake.on(
    'GET',
    ANY,
    wantBearer(() => `http://localhost:${other.port}/token`, new Set(['t'])),
    { times: 9 },
  );
  await client.ping();
  assert.equal(other.seen.length, 1);
});

test('threat 70: an upload that goes on elsewhere goes without our token', async (t) => {
  const other = await Fake.start();
  t.after(() => other.close());
  const { fake, client } = await pairOf(t);
  withTokens(fake);
  fake.on(
    'POST',
    /uploads/,
    async (exchange) => {
      await drain(exchange);
      if (!exchange.seen.headers.authorization) return false;
      send(exchange, 202, { location: `${other.url}/elsewhere` });
      return true;
    },
    { times: 9 },
  );
  fake.rules.unshift(fake.rules.pop() as (typeof fake.rules)[number]);
  other.on('PUT', /elsewhere/, reply(201));
  await client.putBlob('a', blob, openerOf(bytes));
  assert.equal(other.seen[0]?.headers.authorization, undefined);
});
