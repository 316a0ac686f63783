import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { AirgapError } from '../../src/errors.js';
import {
  formatValuePath,
  mergeValues,
  parseSetting,
  parseValuePath,
  valueAt,
  withoutValue,
  withValue,
} from '../../src/install/values.js';
import { diffEffective, diffValues, maskValues, secretStrings } from '../../src/install/values-diff.js';
import { applyOverrides, readOverrides } from '../../src/install/values-input.js';

const folder = mkdtempSync(join(tmpdir(), 'airgap-values-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

test('maps are merged, everything else is replaced, a null stays a null', () => {
  const under = { a: { b: 1, c: [1, 2] }, d: 'x', e: { f: 1 } };
  const over = { a: { b: 2, c: [3] }, d: null, e: 'flat', g: { h: true } };
  assert.deepEqual(mergeValues(under, over), {
    a: { b: 2, c: [3] },
    d: null,
    e: 'flat',
    g: { h: true },
  });
  assert.deepEqual(under, { a: { b: 1, c: [1, 2] }, d: 'x', e: { f: 1 } }, 'nothing is changed in place');
});

test('paths: dots, escaped dots, list positions; what is no path is none', () => {
  const rows: readonly (readonly [string, readonly (string | number)[] | undefined])[] = [
    ['a', ['a']],
    ['a.b.c', ['a', 'b', 'c']],
    ['a\\.b.c', ['a.b', 'c']],
    ['a[0].b', ['a', 0, 'b']],
    ['a[0][12]', ['a', 0, 12]],
    ['nginx-ingress.controller', ['nginx-ingress', 'controller']],
    ['', undefined],
    ['.a', undefined],
    ['a..b', undefined],
    ['a.', undefined],
    ['[0]', undefined],
    ['a[x]', undefined],
    ['a[0', undefined],
    ['a]b', undefined],
  ];
  for (const [text, path] of rows) assert.deepEqual(parseValuePath(text), path, text);
});

test('every path that can be written is read back', () => {
  const part = fc.oneof(fc.string({ minLength: 1 }), fc.nat(99));
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.array(part, { maxLength: 4 }), (head, rest) => {
      assert.deepEqual(parseValuePath(formatValuePath([head, ...rest])), [head, ...rest]);
    }),
  );
});

test('what is set is found, and nothing beside it changes', () => {
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue()),
      path,
      fc.jsonValue(),
      (values, at, value) => {
        const changed = withValue(values, at, value);
        assert.deepEqual(valueAt(changed, at), value);
        for (const key of Object.keys(values)) if (key !== at[0]) assert.deepEqual(changed[key], values[key]);
      },
    ),
  );
  assert.deepEqual(withValue({}, ['a', 2, 'b'], 1), { a: [null, null, { b: 1 }] });
  assert.deepEqual(withoutValue({ a: { b: { c: 1 } }, d: 2 }, ['a', 'b', 'c']), { d: 2 });
  assert.deepEqual(withoutValue({ a: { b: 1, c: 2 } }, ['a', 'b']), { a: { c: 2 } });
});

test('threat 53: a setting is one key and one value, whatever the value looks like', () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ['a.b=x', 'x'],
    ['a=', ''],
    ['a=true', true],
    ['a=null', null],
    ['a=42', 42],
    ['a=-1', -1],
    ['a=007', '007'],
    ['a=1.5', '1.5'],
    ['a=1,b=2', '1,b=2'],
    ['a={x,y}', '{x,y}'],
    ['a={{ .Values.b }}', '{{ .Values.b }}'],
    ['a=$(reboot)', '$(reboot)'],
    ['a=x=y', 'x=y'],
    ['a="true"', 'true'],
    ['a=12345678901234567890', '12345678901234567890'],
  ];
  for (const [text, value] of rows) assert.deepEqual(parseSetting(text)?.value, value, text);
  assert.deepEqual(parseSetting('a\\=b=c')?.path, ['a=b']);
  for (const text of ['', 'a', '=x', 'a..b=x']) assert.equal(parseSetting(text), undefined, text);
});

test('files and settings: later ones win, settings over files', async () => {
  const one = file('one.yaml', 'a: {b: 1, c: 1}\nlist: [1, 2]\n');
  const two = file('two.yaml', 'a: {b: 2}\n');
  const overrides = await readOverrides(
    { files: [one, two], settings: ['a.b=3', 'list[0]=9'] },
    '--backend-set',
  );
  assert.deepEqual(applyOverrides({ z: 1, a: { d: 1 } }, overrides), {
    z: 1,
    a: { b: 3, c: 1, d: 1 },
    list: [9, 2],
  });
});

test('every fault of values is told at once, without the secret in it', async () => {
  const files = [
    file('list.yaml', '- a\n'),
    file('bad.yaml', 'a: [\n'),
    file('good.yaml', ''),
    file('text.yaml', 'hello'),
  ];
  await assert.rejects(
    readOverrides({ files, settings: ['password canary'] }, '--cluster-set'),
    (error: AirgapError) => {
      assert.equal(error.code, 'VALUES_INVALID');
      assert.equal(error.faults.length, 4);
      assert.match(JSON.stringify(error.faults), /list\.yaml.*is no map.*bad\.yaml.*--cluster-set/);
      return true;
    },
  );
  await assert.rejects(readOverrides({ files: [join(folder, 'none')], settings: [] }, 'x'), {
    code: 'FILE_NOT_FOUND',
  });
});

test('a diff names every place once, sorted, and masks what is secret', () => {
  const before = {
    a: { password: 'old-canary', keep: 1 },
    list: [1, { x: 1 }],
    gone: { deep: 'y' },
    same: [],
  };
  const after = {
    a: { password: 'new-canary', keep: 1 },
    list: [1, { x: 2 }],
    more: { deep: true },
    same: [],
  };
  assert.deepEqual(diffValues(before, after), [
    { path: 'a.password', kind: 'changed', before: '"[redacted]"', after: '"[redacted]"' },
    { path: 'gone.deep', kind: 'removed', before: '"y"' },
    { path: 'list[1].x', kind: 'changed', before: '1', after: '2' },
    { path: 'more.deep', kind: 'added', after: 'true' },
  ]);
  assert.deepEqual(diffValues(before, before), []);
});

test('threat 136: the secrets of every era are masked, names of Secrets are not', () => {
  const secrets = {
    backend: { https: { key: 'canary', crt: 'canary' } },
    global: {
      postgresql: { auth: { password: 'canary', postgresPassword: 'canary', existingSecret: 'shown' } },
      db: { password: 'canary' },
    },
    controlPlane: { clientSecret: 'canary', url: 'shown' },
    grafana: { dbPassword: 'canary', admin: { existingSecret: 'shown' } },
    keycloakx: { adminPassword: 'canary' },
    tenantsManager: { config: { adminPassword: 'canary' } },
    'runai-operator': { config: { runaiBackend: { password: 'canary' } } },
    openshiftIdp: { secret: 'canary' },
  };
  const shown = {
    imagePullSecrets: [{ name: 'shown' }],
    ingress: { tlsSecretName: 'shown' },
    tls: { secretName: 'shown' },
  };
  assert.doesNotMatch(JSON.stringify(maskValues(secrets)), /canary/);
  assert.equal(secretStrings(secrets).length, JSON.stringify(secrets).match(/canary/g)?.length);
  assert.ok(secretStrings(secrets).every((text) => text === 'canary'));
  assert.equal(JSON.stringify(maskValues({ ...secrets, ...shown })).match(/shown/g)?.length, 6);
});

test('the address of a private registry is shown, its password is not', () => {
  const at = (address: string, password: string) => ({
    backend: { config: { privateRegistryAddress: address, privateRegistryPassword: password } },
    tls: { privateKey: password },
  });
  const before = at('old.corp:5000', 'old-canary');
  const after = at('new.corp:5000', 'new-canary');
  const key = 'backend.config.privateRegistryAddress';
  assert.deepEqual(
    diffValues(before, after).find(({ path }) => path === key),
    { path: key, kind: 'changed', before: '"old.corp:5000"', after: '"new.corp:5000"' },
  );
  assert.ok(!JSON.stringify(diffValues(before, after)).includes('canary'));
  assert.deepEqual(secretStrings(after), ['new-canary', 'new-canary']);
});

test('in effect: what is given changes, and what the new chart says where nobody had a say', () => {
  const before = {
    defaults: {
      log: 'info',
      cache: { size: 1, kind: 'keydb' },
      gone: true,
      list: [1],
      db: { password: 'canary-1' },
    },
    values: { log: 'debug', cache: { kind: null }, kept: 1, same: 'x' },
  };
  const after = {
    defaults: {
      log: 'warn',
      cache: { size: 2, kind: 'redis', ttl: 5 },
      list: [1, 2],
      same: 'x',
      db: { password: 'canary-2' },
    },
    values: { log: 'debug', cache: { kind: 'own' }, kept: 2 },
  };
  const told = diffEffective(before, after).map(
    ({ origin, kind, path, before: was, after: is }) => `${origin} ${kind} ${path} ${was} ${is}`,
  );
  assert.deepEqual(told, [
    'own added cache.kind undefined "own"',
    'own changed kept 1 2',
    'default changed cache.size 1 2',
    'default added cache.ttl undefined 5',
    'default changed db.password "[redacted]" "[redacted]"',
    'default removed gone true undefined',
    'default added list[1] undefined 2',
  ]);
  // `log` was and is the operator’s; `same` became the default and stays what it was.
});

test('in effect: a null takes a default away, whole maps of them too, and is the giver’s doing', () => {
  const defaults = { ingress: { host: 'a', tls: { on: true } }, none: null };
  assert.deepEqual(diffEffective({ defaults, values: {} }, { defaults, values: { ingress: null } }), [
    { path: 'ingress.host', kind: 'removed', before: '"a"', origin: 'own' },
    { path: 'ingress.tls.on', kind: 'removed', before: 'true', origin: 'own' },
  ]);
  assert.deepEqual(
    diffEffective({ defaults, values: {} }, { defaults: { ingress: defaults.ingress }, values: {} }),
    [],
  );
});

test('in effect: helm’s copies of global values below subcharts are not told again', () => {
  const global = { imageRegistry: '', domain: 'x' };
  const before = { defaults: { global, postgresql: { port: 1, global } }, values: {} };
  const after = { defaults: { global, postgresql: { port: 1 } }, values: {} };
  assert.deepEqual(diffEffective(before, after), []);
});
