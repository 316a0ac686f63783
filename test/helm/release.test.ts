import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { formatFingerprint, parseFingerprint, RUN_LABEL } from '../../src/helm/fingerprint.js';
import {
  decodeRelease,
  isDecoded,
  markFailed,
  type Release,
  type ReleaseSecret,
  type ReleaseStatus,
} from '../../src/helm/release.js';
import { type Decision, decide } from '../../src/helm/state.js';

const CHART = 'a'.repeat(64);
const VALUES = 'b'.repeat(64);
const wanted = { chart: CHART, values: VALUES };
const ours = formatFingerprint({ runId: 'r1', ...wanted });

interface Row {
  readonly revision?: number;
  readonly status: ReleaseStatus;
  readonly description?: string;
  readonly run?: string;
}

function secret({ revision = 1, status, description = 'Upgrade complete', run }: Row): ReleaseSecret {
  const release = {
    name: 'runai-backend',
    namespace: 'runai-backend',
    version: revision,
    info: {
      status,
      description,
      first_deployed: '2026-01-01T00:00:00Z',
      last_deployed: '2026-01-02T00:00:00Z',
      notes: 'keep me',
    },
    chart: {
      metadata: { name: 'control-plane', version: '2.13.66', appVersion: '2.13.66' },
      values: { d: 1 },
      templates: [{ name: 't', data: 'eA==' }],
    },
    config: { global: { domain: 'x' } },
    manifest: 'kind: X',
    hooks: [],
  };
  const packed = gzipSync(JSON.stringify(release)).toString('base64');
  return {
    metadata: {
      name: `sh.helm.release.v1.runai-backend.v${revision}`,
      labels: {
        owner: 'helm',
        name: 'runai-backend',
        status,
        version: String(revision),
        ...(run ? { [RUN_LABEL]: run } : {}),
      },
    },
    data: { release: Buffer.from(packed).toString('base64') },
  };
}

const decode = (...rows: Row[]) => rows.map((row) => decodeRelease(secret(row)));
const ask = (rows: Row[], more: { runId?: string; helmGone?: boolean } = {}): Decision =>
  decide({ revisions: decode(...rows), wanted, helmGone: true, ...more });

test('a release Secret is decoded with values, chart, state and foreign labels', () => {
  const release = decodeRelease(secret({ revision: 3, status: 'deployed', run: 'r1' }));
  assert.ok(isDecoded(release));
  assert.deepEqual(
    [release.revision, release.status, release.chart.name, release.values, release.defaults, release.labels],
    [3, 'deployed', 'control-plane', { global: { domain: 'x' } }, { d: 1 }, { [RUN_LABEL]: 'r1' }],
  );
});

test('threat 110: what cannot be decoded says why, and never throws', () => {
  const base = secret({ status: 'deployed' });
  const with_ = (release: string | undefined): ReleaseSecret => ({
    ...base,
    ...(release === undefined ? { data: {} } : { data: { release } }),
  });
  const twice = (text: Buffer): string => Buffer.from(text.toString('base64')).toString('base64');
  const bad = [
    undefined,
    '',
    '!!!',
    twice(Buffer.from('no json')),
    twice(gzipSync('{}')),
    twice(gzipSync(Buffer.from('{"x":'))),
  ];
  for (const data of bad) {
    const release = decodeRelease(with_(data));
    assert.ok(!isDecoded(release), String(data));
    assert.deepEqual([release.name, release.revision], ['runai-backend', 1]);
    assert.notEqual(release.undecodable, '');
  }
});

test('threat 47: a release that unpacks without end is stopped', () => {
  const bomb = gzipSync(Buffer.alloc(129 * 1024 * 1024));
  const release = decodeRelease({
    ...secret({ status: 'deployed' }),
    data: { release: Buffer.from(bomb.toString('base64')).toString('base64') },
  });
  assert.ok(!isDecoded(release));
});

test('marking failed changes state and description, and keeps all else', () => {
  const before = secret({ revision: 2, status: 'pending-upgrade', run: 'r1' });
  const after = markFailed(before, 'interrupted');
  const release = decodeRelease(after) as Release;
  assert.deepEqual(
    [release.status, release.description, after.metadata.labels?.['status']],
    ['failed', 'interrupted', 'failed'],
  );
  const { status: _s, description: _d, ...rest } = release;
  const { status: _s2, description: _d2, ...old } = decodeRelease(before) as Release;
  assert.deepEqual(rest, old);
});

test('the fingerprint is read back, and nothing else is taken for one', () => {
  assert.deepEqual(parseFingerprint(ours), { runId: 'r1', ...wanted });
  for (const text of [
    'Upgrade complete',
    'Rollback to 3',
    `${ours} `,
    `x${ours}`,
    ours.replace('sha256', 'md5'),
  ])
    assert.equal(parseFingerprint(text), undefined, text);
});

test('no release, or one that was uninstalled with its history kept: install', () => {
  assert.deepEqual(ask([]), { do: 'install' });
  assert.deepEqual(ask([{ status: 'uninstalled' }]), { do: 'install' });
});

test('deployed from this chart with these values, by whatever run: keep', () => {
  const rows: Row[] = [{ status: 'superseded' }, { revision: 2, status: 'deployed', description: ours }];
  assert.deepEqual(ask(rows), { do: 'keep', revision: 2 });
  assert.deepEqual(ask(rows, { runId: 'other' }), { do: 'keep', revision: 2 });
});

test('deployed from anything else, by hand, or rolled back: upgrade', () => {
  const other = formatFingerprint({ runId: 'r1', chart: CHART, values: 'c'.repeat(64) });
  for (const description of ['Upgrade complete', 'Rollback to 1', other])
    assert.deepEqual(ask([{ status: 'deployed', description }]), {
      do: 'upgrade',
      revision: 1,
      over: 'deployed',
    });
});

test('threat 110: failed: upgrade over it, with an older deployed one or without', () => {
  assert.deepEqual(
    ask([
      { status: 'deployed', description: ours },
      { revision: 2, status: 'failed' },
    ]),
    { do: 'upgrade', revision: 2, over: 'failed' },
  );
  assert.deepEqual(ask([{ status: 'failed' }]), { do: 'upgrade', revision: 1, over: 'failed' });
});

for (const status of ['pending-install', 'pending-upgrade', 'pending-rollback'] as const) {
  test(`threat 109: ${status}: ours is repaired once its helm is gone; anybody else's is honoured`, () => {
    const rows: Row[] = [{ revision: 4, status, run: 'r1' }];
    assert.deepEqual(ask(rows, { runId: 'r1' }), { do: 'repair', revision: 4, status });
    assert.equal(ask(rows, { runId: 'r1', helmGone: false }).do, 'locked');
    assert.equal(ask(rows, { runId: 'r2' }).do, 'locked');
    assert.equal(ask(rows).do, 'locked');
    assert.equal(ask([{ revision: 4, status }], { runId: 'r1' }).do, 'locked');
  });
}

test('threat 110: uninstalling, unknown, superseded last, undecodable: the operator decides', () => {
  for (const status of ['uninstalling', 'unknown', 'superseded'] as const)
    assert.equal(
      ask([
        { status: 'deployed', description: ours },
        { revision: 2, status },
      ]).do,
      'ask',
      status,
    );
  const broken = decodeRelease({ ...secret({ revision: 5, status: 'deployed' }), data: {} });
  const decision = decide({ revisions: [...decode({ status: 'deployed' }), broken], wanted, helmGone: true });
  assert.equal(decision.do, 'ask');
});

test('the last revision decides, in whatever order the Secrets come', () => {
  const rows: Row[] = [
    { revision: 10, status: 'deployed', description: ours },
    { revision: 9, status: 'superseded' },
    { revision: 2, status: 'superseded' },
  ];
  assert.deepEqual(ask(rows), { do: 'keep', revision: 10 });
});
