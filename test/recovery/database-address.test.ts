import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { addressLines, describeAddress, externalDatabase } from '../../src/recovery/database-address.js';
import { imageFromValues } from '../../src/recovery/image-values.js';

const values = (auth: Record<string, unknown>, enabled: unknown = false) => ({
  postgresql: { enabled },
  global: { postgresql: { auth } },
});

describe('a database of the customer’s own', () => {
  it('is recognised by the values, and only by both keys', () => {
    assert.equal(externalDatabase({}), undefined);
    assert.equal(externalDatabase(values({ host: 'db1' }, true)), undefined);
    assert.deepEqual(externalDatabase(values({ host: 'db1' })), {
      host: 'db1',
      port: 5432,
      database: 'backend',
    });
    assert.deepEqual(
      externalDatabase(values({ host: 'db1', port: '6543', database: 'runai', dbSslMode: 'require' })),
      { host: 'db1', port: 6543, database: 'runai', sslMode: 'require' },
    );
    assert.equal(externalDatabase(values({ host: 'db1', port: 'x' }))?.port, 5432);
    assert.match(describeAddress(externalDatabase(values({})) ?? assert.fail()), /do not name/);
  });

  it('reaches programs as text, whatever it holds', () => {
    const address = {
      host: "db'1; rm -rf $HOME",
      port: 6543,
      database: 'x',
      sslMode: '`id`',
      ca: "-----BEGIN'\n$PATH\n",
    };
    const script = `${addressLines(address)}printf '%s|%s|%s|' "$AIRGAP_HOST" "$PGPORT" "$PGSSLMODE"; cat "$PGSSLROOTCERT"; rm "$PGSSLROOTCERT"`;
    const { stdout, stderr } = spawnSync('bash', ['-u'], { input: script, encoding: 'utf8' });
    assert.equal(stderr, '');
    assert.equal(stdout, `${address.host}|6543|${address.sslMode}|${address.ca}`);
    assert.equal(addressLines(undefined), '');
  });
});

describe('the image that values name', () => {
  const image = (own: Record<string, string>, registry?: string): string | undefined =>
    imageFromValues(
      { global: registry === undefined ? {} : { imageRegistry: registry }, postgresql: { image: own } },
      'postgresql',
    );

  it('is at the site’s registry, in all the forms of values', () => {
    assert.equal(
      image({ registry: 'docker.io', repository: 'bitnami/postgresql', tag: '15' }),
      'docker.io/bitnami/postgresql:15',
    );
    assert.equal(
      image({ registry: 'docker.io', repository: 'postgresql', tag: '15' }, 'reg:5000'),
      'reg:5000/postgresql:15',
    );
    assert.equal(image({ repository: 'reg:5000/postgresql', tag: '15' }, 'other'), 'reg:5000/postgresql:15');
    assert.equal(
      image({ repository: 'postgresql', tag: '15', digest: 'sha256:ab' }, 'r.x'),
      'r.x/postgresql@sha256:ab',
    );
    assert.equal(image({ repository: 'postgresql' }), undefined);
    assert.equal(imageFromValues({}, 'postgresql'), undefined);
  });
});
