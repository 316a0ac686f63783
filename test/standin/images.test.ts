import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  chartRef,
  type ImageDef,
  type ImageStyle,
  layoutNames,
  redirectsOf,
  taggedRef,
  valuesOf,
} from '../../scripts/lib/standin/images.js';

const image: ImageDef = {
  home: 'gcr.io/run-ai-prod',
  name: 'backend',
  tag: '2.9.1',
  kind: 'service',
  form: 'oci',
};
const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('image names', () => {
  it('moves the same folders below another host', () => {
    assert.equal(taggedRef(image), 'gcr.io/run-ai-prod/backend:2.9.1');
    assert.equal(taggedRef(image, '127.0.0.1:5000'), '127.0.0.1:5000/run-ai-prod/backend:2.9.1');
  });

  it('renders pinned images by digest', () => {
    assert.equal(chartRef({ ...image, pinned: 'digest' }, DIGEST), `gcr.io/run-ai-prod/backend@${DIGEST}`);
    assert.equal(
      chartRef({ ...image, pinned: 'tag-and-digest' }, DIGEST),
      `gcr.io/run-ai-prod/backend:2.9.1@${DIGEST}`,
    );
  });

  it('numbers images of one name in the layout', () => {
    const twin = { ...image, home: 'quay.io/someone' };
    assert.deepEqual([...layoutNames([image, twin]).values()], ['backend', 'backend-2']);
  });
});

describe('values of an image and the keys that redirect it', () => {
  const rows: [ImageStyle, Record<string, string>, Record<string, string>][] = [
    [
      'bitnami',
      { registry: 'gcr.io', repository: 'run-ai-prod/backend', tag: '2.9.1' },
      { 'global.imageRegistry': '{{registry}}', 'a.image.repository': 'backend' },
    ],
    [
      'own-repository',
      { repository: 'gcr.io/run-ai-prod/backend', tag: '2.9.1' },
      { 'backend.privateRegistryAddress': '{{registry}}' },
    ],
    ['own-global', { repository: 'backend', tag: '2.9.1' }, { 'global.image.registry': '{{registry}}' }],
    [
      'own-operator',
      { repository: 'backend', tag: '2.9.1' },
      { 'runai-operator.config.global.image.registry': '{{registry}}' },
    ],
    [
      'in-repository',
      { repository: 'gcr.io/run-ai-prod/backend', tag: '2.9.1' },
      { 'a.image.repository': '{{registry}}/backend' },
    ],
    [
      'own-registry',
      { registry: 'gcr.io/run-ai-prod', repository: 'backend', tag: '2.9.1' },
      { 'a.image.registry': '{{registry}}' },
    ],
    [
      'ingress-nginx',
      { registry: 'gcr.io', image: 'run-ai-prod/backend', tag: '2.9.1' },
      { 'a.image.registry': '{{registry}}', 'a.image.image': 'backend' },
    ],
  ];
  for (const [style, values, redirects] of rows) {
    it(style, () => {
      const use = { image, style, key: ['a', 'image'] };
      assert.deepEqual(valuesOf(use, DIGEST), values);
      assert.deepEqual(redirectsOf(use), redirects);
    });
  }

  it('escapes dots inside a key', () => {
    const use = { image, style: 'in-repository', key: ['grafana.ini', 'image'] } as const;
    assert.deepEqual(Object.keys(redirectsOf(use)), ['grafana\\.ini.image.repository']);
  });
});
