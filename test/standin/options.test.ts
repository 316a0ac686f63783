import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseOptions } from '../../scripts/lib/standin/options.js';

describe('the command line', () => {
  it('is read with its defaults', () => {
    assert.deepEqual(parseOptions(['--version', '2.9', '--out', 'x']), {
      version: '2.9',
      out: 'x',
      full: false,
      postgresql: true,
      platforms: ['linux/amd64'],
    });
  });

  it('is read in full', () => {
    const argv =
      '--version 2.9 --out x --crds c --registry h:1 --helm p --broken crash --full --no-postgres --platforms a/b,c/d';
    assert.deepEqual(parseOptions(argv.split(' ')), {
      version: '2.9',
      out: 'x',
      crds: 'c',
      registry: 'h:1',
      helm: 'p',
      fault: 'crash',
      full: true,
      postgresql: false,
      platforms: ['a/b', 'c/d'],
    });
    assert.equal(parseOptions(['-h']), 'help');
  });

  const faults: [string, RegExp][] = [
    ['--out x', /--version V is missing/],
    ['--version 2.9', /--out DIR is missing/],
    ['--version 2.9 --out x --broken nothing', /no such fault; there are missing-image, collision/],
    ['--version 2.9 --out x --unknown', /unknown/i],
  ];
  for (const [argv, message] of faults) {
    it(`refuses ${argv}`, () => {
      assert.throws(() => parseOptions(argv.split(' ')), message);
    });
  }
});
