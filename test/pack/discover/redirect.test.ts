import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from '../../../src/oci/reference.js';
import type { PackedChart } from '../../../src/pack/chart/types.js';
import { PLACEHOLDER_REGISTRY, redirectFaults, redirectValues } from '../../../src/pack/discover/redirect.js';
import type { Selection } from '../../../src/pack/discover/select.js';
import type { FoundImage } from '../../../src/pack/discover/types.js';

const place = (container: string) => ({ chart: 'demo', file: 'f', kind: 'Pod', name: 'p', container });
const found = (image: string, container = 'main'): FoundImage => ({ image, place: place(container) });

const chart: PackedChart = {
  role: 'cluster',
  release: 'a',
  namespace: 'a',
  source: { kind: 'path', path: '/x', given: 'x' },
  values: [],
  imageValues: {},
  origin: 'x',
  entry: 'demo-1.0.0.tgz',
  chart: {
    name: 'demo',
    version: '1.0.0',
    bytes: Buffer.alloc(0),
    sha256: '',
    values: [
      { prefix: [], value: { app: { image: { registry: 'a.io', repository: 'x/app' } } } },
      { prefix: ['sub'], value: { image: 'a.io/x/app' } },
    ],
  },
};

function faults(redirected: string, options: { digest?: string; excluded?: boolean } = {}) {
  const source = options.digest ? `a.io/x/app:1@${options.digest}` : 'a.io/x/app:1';
  const wanted = {
    source,
    ref: parseReference(source),
    target: 'app:1',
    reasons: [],
    places: [place('main')],
    listed: false,
  };
  const other = { ...wanted, source: 'a.io/x/other:1', target: 'other:1', places: [place('second')] };
  const selection: Selection = {
    wanted: options.excluded ? [other] : [wanted, other],
    excluded: options.excluded ? [{ source, reason: 'r', places: [place('main')] }] : [],
    hints: [],
    warnings: [],
  };
  return redirectFaults({ chart, plain: [found(source)], redirected: [found(redirected)], selection });
}

test('an image below the registry under its target is right', () => {
  assert.deepEqual(faults(`${PLACEHOLDER_REGISTRY}/app:1`), []);
});

test('an image that stays where it was names the keys that are probably missing', () => {
  const [fault] = faults('a.io/x/app:1');
  assert.match(fault?.what ?? '', /a\.io\/x\/app:1 is not redirected/);
  assert.equal(fault?.expected, 'imageValues for app.image.registry or app.image.repository or sub.image');
});

test('threat 51: an image redirected to a name that the bundle lacks is found', () => {
  const [fault] = faults(`${PLACEHOLDER_REGISTRY}/x/app:1`);
  assert.equal(fault?.found, 'x/app:1');
  assert.equal(fault?.expected, 'app:1');
});

test('threat 51: an image redirected to the name of another image is found', () => {
  assert.equal(faults(`${PLACEHOLDER_REGISTRY}/other:1`).length, 1);
});

test('a digest may stay behind the tag, an excluded image may stay where it is', () => {
  const digest = `sha256:${'c'.repeat(64)}`;
  assert.deepEqual(faults(`${PLACEHOLDER_REGISTRY}/app:1@${digest}`, { digest }), []);
  assert.deepEqual(faults('a.io/x/app:1', { excluded: true }), []);
});

test('threat 53: keys become a tree, dots can be escaped, no key reaches a prototype', () => {
  const tree = redirectValues(
    {
      'a.b.c': '{{registry}}/x',
      'a.b.d': 'y',
      'k\\.v.z': '{{registry}}{{registry}}',
      '__proto__.polluted': 'yes',
    },
    'h:1/p',
  );
  assert.equal(
    JSON.stringify(tree),
    '{"a":{"b":{"c":"h:1/p/x","d":"y"}},"k.v":{"z":"h:1/ph:1/p"},"__proto__":{"polluted":"yes"}}',
  );
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});
