import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compareVersions, parseManifest, serializeManifest } from '../../src/bundle/codec.js';
import { layoutBundle } from '../../src/bundle/layout.js';
import type { Entry, Manifest } from '../../src/bundle/manifest.js';
import { AirgapError, isAirgapError } from '../../src/errors.js';
import { sample, sha256 } from './helpers.js';

const TOOL = '1.0.0';
const good = layoutBundle(sample().draft);

/** Parses a manifest changed by `change`, written with the keys in the order that they then have. */
function reread(change: (manifest: Record<string, unknown> & Manifest) => unknown): unknown {
  const copy = JSON.parse(good.bytes.toString()) as Record<string, unknown> & Manifest;
  const changed = change(copy) ?? copy;
  return parseManifest(Buffer.from(`${JSON.stringify(changed, null, 2)}\n`), TOOL);
}

function refusal(change: Parameters<typeof reread>[0]): AirgapError {
  try {
    reread(change);
  } catch (error) {
    assert.ok(error instanceof AirgapError);
    return error;
  }
  throw new assert.AssertionError({ message: 'the manifest was accepted' });
}

function faultsOf(change: Parameters<typeof reread>[0]): string[] {
  const error = refusal(change);
  assert.equal(error.code, 'MANIFEST_INVALID');
  return error.faults.map(({ where, what }) => `${where} ${what}`);
}

test('threat 40: what is written is read back, from the same bytes, with their hash as the bundle id', () => {
  const read = parseManifest(good.bytes, TOOL);
  assert.deepEqual(read.manifest, good.manifest);
  assert.equal(read.bytes, good.bytes);
  assert.equal(read.bundleId, sha256(good.bytes));
  assert.deepEqual(serializeManifest(read.manifest), good.bytes);
});

test('keys are written in one order, however the object was made', () => {
  const reversed = Object.fromEntries(Object.entries(good.manifest).reverse()) as unknown as Manifest;
  assert.deepEqual(serializeManifest(reversed), good.bytes);
});

test('threat 39: another order of keys is another form and refused', () => {
  const [fault] = faultsOf((manifest) => Object.fromEntries(Object.entries(manifest).reverse()));
  assert.match(String(fault), /not in canonical form/);
});

for (const [name, text] of [
  ['compact', JSON.stringify(good.manifest)],
  ['no newline at the end', good.bytes.toString().trimEnd()],
  ['CRLF', good.bytes.toString().replaceAll('\n', '\r\n')],
  ['escaped letter', good.bytes.toString().replace('"runai"', '"run\\u0061i"')],
  ['blank at the end', `${good.bytes.toString()} `],
] as const) {
  test(`threat 39: another form of the same manifest is refused: ${name}`, () => {
    assert.throws(
      () => parseManifest(Buffer.from(text), TOOL),
      (error) => isAirgapError(error, 'MANIFEST_INVALID') && error.exitStatus === 3,
    );
  });
}

test('threat 38: a newer format and a newer tool are named before anything else is looked at', () => {
  const newer = refusal(() => ({ schemaVersion: 2, minTool: '3.1.0', surprise: {} }));
  assert.equal(newer.code, 'BUNDLE_FORMAT_UNKNOWN');
  assert.equal(newer.exitStatus, 3);
  assert.match(newer.hint, /3\.1\.0/);
  const older = refusal((manifest) => ({ ...manifest, minTool: '1.0.1' }));
  assert.equal(older.code, 'BUNDLE_FORMAT_UNKNOWN');
  assert.equal(older.expected, 'airgap 1.0.1 or newer');
  assert.doesNotThrow(() => reread((manifest) => ({ ...manifest, minTool: '1.0.0' })));
});

test('versions are compared by number', () => {
  assert.deepEqual(
    [
      compareVersions('1.10.0', '1.9.9'),
      compareVersions('1.0.0', '1.0.0-rc.1'),
      compareVersions('0.9.9', '1.0.0'),
    ],
    [1, 0, -1],
  );
});

test('all faults are listed at once, each with its place', () => {
  const faults = faultsOf((manifest) => ({
    ...manifest,
    product: 'Run AI',
    sourceDate: -1,
    charts: [{ ...manifest.charts[0], role: 'boss', path: '../x' }],
    surprise: 1,
  }));
  assert.equal(faults.length, 5);
  for (const [index, start] of [
    'product',
    'sourceDate',
    'charts[0].role',
    'charts[0].path',
    'surprise',
  ].entries()) {
    assert.ok(faults[index]?.startsWith(start), faults[index]);
  }
});

type Changed = Record<string, unknown> & Manifest;
const withEntries = (manifest: Changed, entries: readonly unknown[]) => ({ ...manifest, entries });
const withBase = ({ entries, ...m }: Changed, blobs: readonly Entry[]) => ({
  ...m,
  base: {
    bundleId: '0'.repeat(64),
    version: '2.9.25',
    blobs: blobs.map(({ sha256, size }) => ({ digest: `sha256:${sha256}`, size })),
  },
  entries,
});
const RULES: readonly (readonly [string, (manifest: Changed) => unknown, RegExp])[] = [
  ['no signature slot', (m) => withEntries(m, m.entries.slice(1)), /is not airgap\.sig with 4096 bytes/],
  [
    'slot of another size',
    (m) => withEntries(m, [{ ...m.entries[0], size: 8192 }, ...m.entries.slice(1)]),
    /is not airgap\.sig/,
  ],
  ['checksums elsewhere', (m) => withEntries(m, [m.entries[0], ...m.entries.slice(2)]), /is not SHA256SUMS/],
  [
    'digest of the slot',
    (m) => withEntries(m, [{ ...m.entries[0], sha256: '0'.repeat(64) }, ...m.entries.slice(1)]),
    /has a digest/,
  ],
  ['entry without digest', (m) => withEntries(m, [...m.entries, { path: 'zz', size: 1 }]), /has no digest/],
  [
    'the manifest itself',
    (m) => withEntries(m, [...m.entries, { path: 'airgap.json', size: 1, sha256: '0'.repeat(64) }]),
    /lists airgap\.json itself/,
  ],
  [
    'an entry twice',
    (m) => withEntries(m, [...m.entries.slice(0, 3), ...m.entries.slice(2)]),
    /occurs twice/,
  ],
  [
    'blob under a wrong name',
    (m) =>
      withEntries(m, [
        ...m.entries,
        { path: `blobs/sha256/${'f'.repeat(64)}`, size: 1, sha256: '0'.repeat(64) },
      ]),
    /under a wrong name/,
  ],
  [
    'other files below blobs',
    (m) => withEntries(m, [...m.entries, { path: 'blobs/sha512/x', size: 1, sha256: '0'.repeat(64) }]),
    /is no blob/,
  ],
  [
    'blobs out of order',
    (m) => withEntries(m, [...m.entries.slice(0, -2), ...m.entries.slice(-2).reverse()]),
    /breaks the order/,
  ],
  [
    'total beyond 2^53',
    (m) =>
      withEntries(
        m,
        m.entries.map((entry, i) => (i > 2 ? { ...entry, size: 2 ** 53 - 1 } : entry)),
      ),
    /more than 2\^53/,
  ],
  [
    'negative size',
    (m) => withEntries(m, [...m.entries.slice(0, 2), { ...m.entries[2], size: -1 }]),
    /is negative/,
  ],
  [
    'too many entries',
    (m) =>
      withEntries(
        m,
        Array.from({ length: 50_001 }, () => m.entries[0]),
      ),
    /more than 50000/,
  ],
  [
    'upper-case digest',
    (m) => withEntries(m, [...m.entries.slice(0, 2), { ...m.entries[2], sha256: 'A'.repeat(64) }]),
    /64 hex digits/,
  ],
  [
    'chart that is no entry',
    (m) => ({ ...m, charts: [{ ...m.charts[0], path: 'charts/none.tgz' }] }),
    /charts\/none\.tgz is no entry/,
  ],
  [
    'tool that is no entry',
    (m) => ({ ...m, tools: [{ ...m.tools[0], path: 'tools/none' }] }),
    /tools\/none is no entry/,
  ],
  [
    'tool outside tools/',
    (m) => ({ ...m, tools: [{ ...m.tools[0], path: 'README.txt' }] }),
    /does not lie below tools/,
  ],
  [
    'CRD sources without the file',
    (m) =>
      withEntries(
        m,
        m.entries.filter(({ path }) => path !== 'runai-crds.yaml'),
      ),
    /do not agree/,
  ],
  [
    'two images on one target (threat 80)',
    (m) => ({ ...m, images: [m.images[0], { ...m.images[1], target: m.images[0]?.target }] }),
    /target occurs twice/,
  ],
  [
    'image without its root',
    (m) => ({
      ...m,
      images: [
        { ...m.images[0], descriptor: { ...m.images[0]?.descriptor, digest: `sha256:${'0'.repeat(64)}` } },
      ],
    }),
    /is no entry and not in the base/,
  ],
  [
    'image root of another size',
    (m) => ({ ...m, images: [{ ...m.images[0], descriptor: { ...m.images[0]?.descriptor, size: 1 } }] }),
    /another size/,
  ],
  [
    'digest with a path (threat 42)',
    (m) => ({
      ...m,
      images: [{ ...m.images[0], descriptor: { ...m.images[0]?.descriptor, digest: 'sha256:../../x' } }],
    }),
    /is not sha256/,
  ],
  [
    'sha1 digest (threat 42)',
    (m) => ({
      ...m,
      images: [{ ...m.images[0], descriptor: { ...m.images[0]?.descriptor, digest: 'sha1:aa' } }],
    }),
    /is not sha256/,
  ],
  [
    'target with a registry path out',
    (m) => ({ ...m, images: [{ ...m.images[0], target: '../x:1' }] }),
    /is not repository:tag/,
  ],
  [
    'target without tag',
    (m) => ({ ...m, images: [{ ...m.images[0], target: 'operator' }] }),
    /is not repository:tag/,
  ],
  [
    'terminal escape in a reason (threat 54)',
    (m) => ({ ...m, images: [{ ...m.images[0], reasons: ['\u001b[2J PASSED'] }] }),
    /control characters/,
  ],
  ['direction override (threat 54)', (m) => ({ ...m, relocate: 'flat\u202e' }), /control characters/],
  ['key that looks like a prototype', (m) => ({ ...m, requires: { 'con structor': 'x' } }), /is not a key/],
  [
    'base with a blob that is inside (threat 15)',
    (m) => withBase(m, [m.entries.at(-1) as Entry]),
    /is an entry as well/,
  ],
  [
    'base out of order',
    (m) =>
      withBase(m, [
        { path: '', size: 1, sha256: 'f'.repeat(64) },
        { path: '', size: 1, sha256: 'e'.repeat(64) },
      ]),
    /breaks the order/,
  ],
];

for (const [name, change, pattern] of RULES) {
  test(`a manifest is refused: ${name}`, () => {
    assert.match(faultsOf((manifest) => change(manifest)).join('\n'), pattern);
  });
}

test('threat 39: no mutation of the bytes is accepted, none crashes or hangs', () => {
  const place = fc.nat(good.bytes.length - 1);
  const piece = fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom('"', '{', '}', '\\', ',', '0', '\ud800', '__proto__'),
  );
  fc.assert(
    fc.property(place, fc.nat(4), piece, (at, cut, text) => {
      const bytes = Buffer.concat([
        good.bytes.subarray(0, at),
        Buffer.from(text),
        good.bytes.subarray(at + cut),
      ]);
      if (bytes.equals(good.bytes)) return;
      try {
        assert.notEqual(parseManifest(bytes, TOOL).bundleId, good.bundleId);
      } catch (error) {
        assert.ok(isAirgapError(error), String(error));
        assert.equal(error.exitStatus, 3);
      }
    }),
    { numRuns: 500 },
  );
});
