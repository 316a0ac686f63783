import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseImage, judgeMajor } from '../../../src/install/checks/database-major.js';
import { rendered } from './support.js';

const NEW = '10.99.0.2:5000/postgresql:15.8.0-debian-12-r14';

test('the image of the chart’s own database: its container, not those beside it', () => {
  const { objects } = rendered(`
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: runai-backend-postgresql }
spec: { template: { spec: { containers: [{ name: metrics, image: x:1 }, { name: postgresql, image: '${NEW}' }] } } }`);
  assert.equal(databaseImage(objects), NEW);
  assert.equal(databaseImage([]), undefined, 'a database of the site’s own');
});

test('another major stops and asks; the same passes, whichever way it was said', () => {
  assert.equal(judgeMajor({ said: '15' }, NEW).outcome, 'pass');
  assert.equal(judgeMajor({ said: 'postgres (PostgreSQL) 15.2 (Debian 15.2-1)' }, NEW).outcome, 'pass');
  assert.equal(judgeMajor({ said: '15' }, `${NEW}@sha256:${'1'.repeat(64)}`).outcome, 'pass');
  for (const said of ['11', '16', 'postgres (PostgreSQL) 14.9']) {
    const found = judgeMajor({ said }, NEW);
    assert.equal(found.outcome, 'fail', said);
    assert.equal(found.code, 'DECISION_NEEDED');
    assert.match(found.seen, /data directory is of PostgreSQL 1[146], and the chart brings .*:15\.8\.0/);
    assert.match(found.advice ?? '', /--acknowledge=database\.major/);
  }
});

test('what cannot be known is not checked, and says why', () => {
  for (const [running, image, why] of [
    [{ unknown: 'the database pod does not run' }, NEW, /does not run/],
    [{ said: 'sh: not found' }, NEW, /no version is in/],
    [
      { said: '15' },
      `10.99.0.2:5000/postgresql@sha256:${'1'.repeat(64)}`,
      /no version is in the name of the image/,
    ],
    [{ said: '15' }, '10.99.0.2:5000/postgresql', /no version is in the name of the image/],
    [{ said: '15' }, 'site/postgresql:latest', /no version is in the name of the image/],
  ] as const) {
    const found = judgeMajor(running, image);
    assert.equal(found.outcome, 'not-checked', image);
    assert.match(found.seen, why);
  }
});
