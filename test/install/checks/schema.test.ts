import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeCrdObjects, judgeObject } from '../../../src/install/checks/crd-objects.js';
import { validateSchema } from '../../../src/install/checks/schema.js';
import { object } from './support.js';

const SCHEMA = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', pattern: '^[a-z]+$', minLength: 2, maxLength: 5 },
    kind: { type: 'string', enum: ['a', 'b'] },
    count: { type: 'integer', minimum: 1, maximum: 5 },
    port: { 'x-kubernetes-int-or-string': true },
    tags: { type: 'array', maxItems: 2, items: { type: 'string' } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    rules: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['id'],
      items: { type: 'object', properties: { id: { type: 'integer' } } },
    },
    loose: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    filled: { type: 'object', required: ['x'], properties: { x: { type: 'string', default: 'y' } } },
    cel: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self != ""' }] },
  },
};
const rows: readonly (readonly [name: string, value: object, fault: string | undefined])[] = [
  ['good', { name: 'abc', kind: 'a', count: 2, port: '80', tags: ['x'], labels: { a: 'b' } }, undefined],
  ['unknown fields are pruned', { name: 'abc', more: 1 }, undefined],
  ['unknown fields kept', { name: 'abc', loose: { x: [1] } }, undefined],
  ['a default fills in', { name: 'abc', filled: {} }, undefined],
  ['required', {}, 'the object lacks name'],
  ['type', { name: 'abc', count: '2' }, 'count is a string, not integer'],
  ['fraction', { name: 'abc', count: 1.5 }, 'count is a number, not integer'],
  ['enum', { name: 'abc', kind: 'c' }, 'kind is "c", not one of a, b'],
  ['pattern', { name: 'ABC' }, 'name does not match ^[a-z]+$'],
  ['length', { name: 'abcdef' }, 'name is longer than 5'],
  ['bounds', { name: 'abc', count: 6 }, 'count is 6, more than 5 allows'],
  ['int or string', { name: 'abc', port: true }, 'port is a boolean, not integer or string'],
  ['items', { name: 'abc', tags: ['x', 2] }, 'tags[1] is a number, not string'],
  ['number of items', { name: 'abc', tags: ['x', 'y', 'z'] }, 'tags has more than 2 items'],
  ['additional properties', { name: 'abc', labels: { a: 1 } }, 'labels.a is a number, not string'],
  ['map keys', { name: 'abc', rules: [{ id: 1 }, { id: 1 }] }, 'rules has two items with the same id'],
];
for (const [name, value, fault] of rows) {
  test(`schema: ${name}`, () => {
    const found = validateSchema(SCHEMA, value).filter(({ sure }) => sure);
    assert.deepEqual(
      found.map(({ path, what }) => `${path} ${what}`),
      fault === undefined ? [] : [fault],
    );
  });
}

test('what only the API server knows is unsure: CEL, combinations, heavy patterns', () => {
  const unsure = (schema: object, value: unknown): boolean[] =>
    validateSchema(schema as never, value).map(({ sure }) => sure);
  assert.deepEqual(unsure(SCHEMA, { name: 'abc', cel: 'x' }), [false]);
  assert.deepEqual(unsure({ oneOf: [{ required: ['a'] }, { required: ['b'] }] }, { c: 1 }), [false]);
  assert.deepEqual(unsure({ type: 'string', pattern: '^(a+)+$' }, 'aaaa'), [false]);
});

test('a nest of a thousand levels ends', () => {
  const schema: Record<string, unknown> = { type: 'object' };
  let value: Record<string, unknown> = {};
  schema['properties'] = { a: schema };
  for (let depth = 0; depth < 1000; depth++) value = { a: value };
  assert.deepEqual(validateSchema(schema, value), []);
});

test('threat 103: objects: status and metadata are not judged; certain faults fail, unsure ones warn', () => {
  const schema = {
    type: 'object',
    required: ['spec', 'status'],
    properties: { spec: { type: 'object', required: ['gpus'] }, status: { type: 'object', required: ['x'] } },
  };
  assert.deepEqual(judgeObject(object('Project', 'a', { spec: { gpus: 1 }, status: {} }), schema), []);
  const faults = judgeObject(object('Project', 'a', { spec: {} }), schema);
  const facts = { objects: 3, skipped: [] };
  const found = judgeCrdObjects({
    ...facts,
    offenders: [{ name: 'projects.run.ai a', version: 'v2', faults }],
  });
  assert.equal(found.outcome, 'fail');
  assert.match(found.seen, /1 of 3: projects.run.ai a \(v2\): spec lacks gpus/);
  const soft = [{ name: 'p', version: 'v2', faults: [{ path: 'spec', what: 'x', sure: false }] }];
  assert.equal(judgeCrdObjects({ ...facts, offenders: soft }).outcome, 'warn');
  assert.equal(judgeCrdObjects({ ...facts, offenders: [] }).outcome, 'pass');
});
