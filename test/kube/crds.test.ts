import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AirgapError } from '../../src/errors.js';
import { applyCrds } from '../../src/kube/crd-apply.js';
import {
  checkCrds,
  demandCompatible,
  type LiveCrd,
  sameSpec,
  specDifferences,
} from '../../src/kube/crd-check.js';
import { type Crd, parseCrds } from '../../src/kube/crd-file.js';
import { fakeServer, status } from './support/api.js';

const releases = process.env['AIRGAP_TEST_CRDS'];
const real = (version: string): Crd[] =>
  parseCrds(readFileSync(join(releases ?? '', `${version}.yaml`), 'utf8'), `${version}.yaml`);
const skip = releases && existsSync(releases) ? false : 'AIRGAP_TEST_CRDS names no folder with CRD releases';
if (skip) console.error(`SKIPPED: tests with real CRD releases, because ${skip}`);

interface Shape {
  readonly versions?: readonly Record<string, unknown>[];
  readonly scope?: string;
  readonly kind?: string;
  readonly group?: string;
}

function crd(name: string, shape: Shape = {}): Crd {
  const {
    versions = [{ name: 'v1', served: true, storage: true }],
    scope = 'Namespaced',
    kind = 'Thing',
    group = 'x.io',
  } = shape;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${name}.${group}` },
    spec: { group, scope, names: { plural: name, kind }, versions: versions as Crd['spec']['versions'] },
  };
}

function live(from: Crd, storedVersions: readonly string[], established = true): LiveCrd {
  const { names } = from.spec;
  const on = established ? 'True' : 'False';
  return {
    ...from,
    metadata: { ...from.metadata, uid: 'u', resourceVersion: '1' },
    spec: {
      ...from.spec,
      names: { ...names, singular: names.kind.toLowerCase(), listKind: `${names.kind}List` },
      conversion: { strategy: 'None' },
    },
    status: {
      storedVersions,
      conditions: [
        { type: 'NamesAccepted', status: 'True' },
        { type: 'Established', status: on, reason: 'NotAccepted', message: 'not all names are accepted' },
      ],
    },
  };
}

const text = (...crds: object[]): string => crds.map((one) => JSON.stringify(one)).join('\n---\n');

test('status and the null timestamp are taken out, everything else stays', () => {
  const odd = { ...crd('things'), status: { storedVersions: ['v0'] } };
  const parsed = parseCrds(
    text({ ...odd, metadata: { ...odd.metadata, creationTimestamp: null, annotations: { a: 'b' } } }),
    'f',
  );
  assert.deepEqual(parsed, [
    { ...crd('things'), metadata: { name: 'things.x.io', annotations: { a: 'b' } } },
  ]);
});

test('all faults of a file are told at once', () => {
  const faulty = [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' } },
    { ...crd('olds'), apiVersion: 'apiextensions.k8s.io/v1beta1' },
    { ...crd('misnamed'), metadata: { name: 'other.x.io' } },
    crd('two', {
      versions: [
        { name: 'v1', served: true, storage: true },
        { name: 'v2', served: true, storage: true },
      ],
    }),
    crd('none', { versions: [{ name: 'v1', served: true, storage: false }] }),
    crd('good'),
    crd('good'),
    { ...crd('specless'), spec: {} },
  ];
  assert.throws(
    () => parseCrds(text(...faulty), 'f.yaml'),
    (error: AirgapError) => {
      assert.equal(error.code, 'CRDS_INVALID');
      assert.equal(error.faults.length, 7);
      assert.match(
        error.faults.map(({ where, what }) => `${where}: ${what}`).join('\n'),
        /document 7: good\.x\.io comes twice/,
      );
      return true;
    },
  );
  assert.throws(() => parseCrds('', 'empty.yaml'), { code: 'CRDS_INVALID' });
});

test('a spec equals itself with the defaults of the API server, and nothing else', () => {
  const file = crd('things', {
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  });
  assert.ok(sameSpec(file.spec, live(file, ['v1']).spec));
  const lost = live(file, ['v1']);
  const other = {
    ...lost.spec,
    versions: [{ ...lost.spec.versions[0], name: 'v1', schema: { openAPIV3Schema: { type: 'object' } } }],
  };
  assert.ok(!sameSpec(file.spec, other));
  assert.deepEqual(specDifferences(file.spec, other), [
    'spec.versions.0.schema.openAPIV3Schema.x-kubernetes-preserve-unknown-fields',
  ]);
  assert.ok(!sameSpec(file.spec, { ...lost.spec, versions: [...lost.spec.versions, { name: 'v2' }] }));
});

test('threat 101: a stored version that the file lacks is found before anything is applied', () => {
  const file = crd('things', { versions: [{ name: 'v2', served: true, storage: true }] });
  const findings = checkCrds([file], [live(crd('things'), ['v1', 'v2'])]);
  assert.deepEqual(
    findings.storedVersions.map(({ where, what }) => [where, what]),
    [['things.x.io status.storedVersions', "v1 is stored in the cluster and missing in the bundle's CRD"]],
  );
  assert.throws(() => demandCompatible(findings), { code: 'CRD_STORED_VERSION', exitStatus: 7 });
});

test('threat 102: unserved stored versions, changed scope and kind are named by their field', () => {
  const unserved = crd('a', {
    versions: [
      { name: 'v1', served: false, storage: false },
      { name: 'v2', served: true, storage: true },
    ],
  });
  const findings = checkCrds(
    [unserved, crd('b', { scope: 'Cluster' }), crd('c', { kind: 'Other' }), crd('new')],
    [live(crd('a'), ['v1']), live(crd('b'), ['v1']), live(crd('c'), ['v1'])],
  );
  assert.match(findings.storedVersions[0]?.what ?? '', /not served/);
  assert.deepEqual(
    findings.incompatible.map(({ where, expected, found }) => [where, expected, found]),
    [
      ['b.x.io spec.scope', 'Namespaced', 'Cluster'],
      ['c.x.io spec.names.kind', 'Thing', 'Other'],
    ],
  );
  assert.throws(() => demandCompatible(findings), { code: 'CRD_INCOMPATIBLE', exitStatus: 7 });
});

test('threat 102: the real releases can follow each other forwards, and not backwards', { skip }, () => {
  const [old, current] = [real('2.9.25'), real('2.13.66')];
  assert.deepEqual([old.length, current.length], [15, 17]);
  const stored = (crds: Crd[]): LiveCrd[] =>
    crds.map((one) =>
      live(
        one,
        one.spec.versions.filter((version) => version.storage).map(({ name }) => name),
      ),
    );
  assert.deepEqual(checkCrds(current, stored(old)), { storedVersions: [], incompatible: [] });
  const back = checkCrds(old, stored(current));
  assert.ok(
    back.storedVersions.some(
      ({ where, expected }) => where.startsWith('projects.run.ai') && expected === 'v2',
    ),
  );
});

test('threat 101: applyCrds applies none when one cannot be applied', async () => {
  const file = [crd('a'), crd('b', { versions: [{ name: 'v2', served: true, storage: true }] })];
  const fake = await fakeServer(({ method, path }) => {
    if (method !== 'GET') return { json: {} };
    return path.endsWith('/b.x.io') ? { json: live(crd('b'), ['v1']) } : undefined;
  });
  await assert.rejects(applyCrds(await fake.connect(), file), { code: 'CRD_STORED_VERSION' });
  assert.ok(fake.seen.every(({ method }) => method === 'GET'));
  await fake.close();
});

test('threat 104: no last-applied annotation; one that is never established is told with its conditions', async () => {
  const applied = new Map<string, LiveCrd>();
  const fake = await fakeServer(({ method, path, body }) => {
    const name = path.split('/').at(-1) ?? '';
    if (method === 'PATCH') applied.set(name, live(JSON.parse(body) as Crd, ['v1'], name !== 'b.x.io'));
    const found = applied.get(name);
    return found ? { json: found } : status(404, 'NotFound', name);
  });
  const client = await fake.connect();
  await assert.rejects(applyCrds(client, [crd('a'), crd('b')], { timeout: 100 }), (error: AirgapError) => {
    assert.equal(error.code, 'CRD_NOT_ESTABLISHED');
    assert.deepEqual(error.faults, [
      { where: 'b.x.io', what: 'not Established: NotAccepted not all names are accepted' },
    ]);
    return true;
  });
  for (const { body, method } of fake.seen) if (method === 'PATCH') assert.doesNotMatch(body, /last-applied/);
  const report = await applyCrds(client, [crd('a')], { timeout: 100 });
  assert.deepEqual(report, { applied: [], unchanged: ['a.x.io'] });
  await fake.close();
});
