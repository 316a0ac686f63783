import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { rewriteTexts } from '../../src/recovery/rewrite.js';

const domain = { from: 'runai.test', to: 'ai.new.example' };
const registry = { from: '10.0.0.2:5000/runai', to: 'registry.new:443' };
const text = (value: string, rewrite = {}): string =>
  rewriteTexts(value, { domain, registry, ...rewrite }).value;

describe('threat 130: writing a saved site under other names', () => {
  it('changes the domain wherever it stands whole, and names below it', () => {
    const rows = [
      ['runai.test', 'ai.new.example'],
      ['https://runai.test/auth?x=runai.test', 'https://ai.new.example/auth?x=ai.new.example'],
      ['*.runai.test', '*.ai.new.example'],
      ['grafana.runai.test:443', 'grafana.ai.new.example:443'],
      ['admin@runai.test', 'admin@ai.new.example'],
    ] as const;
    for (const [saved, wanted] of rows) assert.equal(text(saved), wanted);
  });

  it('leaves other names alone that only look alike', () => {
    for (const other of [
      'myrunai.test',
      'runai.testing',
      'runai.test.evil',
      'runai-test',
      'runaiXtest',
      'x-runai.test',
    ])
      assert.equal(text(other), other);
  });

  it('takes a dollar in a name as it is', () => {
    assert.equal(rewriteTexts('a.b', { domain: { from: 'a.b', to: '$&.c' } }).value, '$&.c');
  });

  it('changes the registry only where an image or the registry itself is named', () => {
    assert.equal(text('10.0.0.2:5000/runai/operator:2'), 'registry.new:443/operator:2');
    assert.equal(text('10.0.0.2:5000/runai'), 'registry.new:443');
    assert.equal(text('10.0.0.2:5000/runaiX/operator'), '10.0.0.2:5000/runaiX/operator');
    assert.equal(text('mirror/10.0.0.2:5000/runai/operator'), 'mirror/10.0.0.2:5000/runai/operator');
  });

  it('says where it changed something, and changes neither keys nor other kinds of values', () => {
    const value = {
      spec: { 'runai.test': 1, rules: [{ host: 'runai.test' }, { host: 'other' }], on: true, none: null },
    };
    const { value: changed, paths } = rewriteTexts(value, { domain });
    assert.deepEqual(paths, ['spec.rules[0].host']);
    assert.deepEqual(changed, {
      spec: { 'runai.test': 1, rules: [{ host: 'ai.new.example' }, { host: 'other' }], on: true, none: null },
    });
  });

  it('without other names everything stays as it is', () => {
    assert.deepEqual(rewriteTexts({ a: ['runai.test'] }, {}), { value: { a: ['runai.test'] }, paths: [] });
  });
});
