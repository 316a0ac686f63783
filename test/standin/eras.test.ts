import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eraOf, parseVersion, sequenceOf, upgradeRange } from '../../scripts/lib/standin/eras.js';

describe('versions', () => {
  it('takes a minor version with and without a patch level', () => {
    assert.deepEqual(parseVersion('2.13.66'), { text: '2.13.66', minor: 13, patch: 66 });
    assert.deepEqual(parseVersion('2.9'), { text: '2.9.0', minor: 9, patch: 0 });
  });

  for (const text of ['2.2', '2.21.1', '3.1', '2.9.100', '2.9.1-rc', 'latest', '']) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseVersion(text), /no stand-in for version/);
    });
  }

  it('gives sequences that grow with the version', () => {
    const ordered = ['2.7.0', '2.9.99', '2.10.0', '2.13.66', '2.20.3'].map((text) =>
      sequenceOf(parseVersion(text)),
    );
    assert.deepEqual(ordered, [20_700, 20_999, 21_000, 21_366, 22_003]);
  });
});

describe('eras', () => {
  const rows = [
    { version: '2.3', chart: 'runai-backend', volumes: 'templates', tls: 'values', nginx: true },
    { version: '2.7', chart: 'runai-backend', volumes: 'templates', tls: 'values', nginx: true },
    { version: '2.8', chart: 'runai-backend', volumes: 'templates', tls: 'values', nginx: true },
    { version: '2.9', chart: 'runai-backend', volumes: 'templates', tls: 'values', nginx: false },
    { version: '2.10', chart: 'runai-backend', volumes: 'templates', tls: 'values', nginx: false },
    { version: '2.11', chart: 'runai-backend', volumes: 'released', tls: 'secret', nginx: false },
    { version: '2.12', chart: 'control-plane', volumes: 'statefulset', tls: 'secret', nginx: false },
    { version: '2.20', chart: 'control-plane', volumes: 'statefulset', tls: 'secret', nginx: false },
  ];
  for (const { version, ...expected } of rows) {
    it(`knows what ${version} looks like`, () => {
      const { chart, volumes, tls, nginx } = eraOf(parseVersion(version));
      assert.deepEqual({ chart, volumes, tls, nginx }, expected);
    });
  }

  it('moves the cluster chart to global keys with 2.15', () => {
    assert.equal(eraOf(parseVersion('2.14')).clusterKeys, 'operator');
    assert.equal(eraOf(parseVersion('2.15')).clusterKeys, 'global');
  });

  it('lets the control-plane chart upgrade from 2.7 on, 2.9 to 2.11 from 2.5 on, older targets from 2.3 on', () => {
    assert.equal(upgradeRange(eraOf(parseVersion('2.8'))), '>=2.3');
    assert.equal(upgradeRange(eraOf(parseVersion('2.11'))), '>=2.5');
    assert.equal(upgradeRange(eraOf(parseVersion('2.12'))), '>=2.7');
  });

  it('keeps one major version of PostgreSQL, the one that runs', () => {
    for (let minor = 7; minor <= 20; minor++) {
      assert.match(eraOf(parseVersion(`2.${minor}`)).tags.postgresql, /^15\./);
    }
  });
});
