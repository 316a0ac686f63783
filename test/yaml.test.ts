import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAirgapError } from '../src/errors.js';
import { formatYaml, parseYaml, parseYamlDocuments } from '../src/yaml.js';

/** What kubectl and helm (sigs.k8s.io/yaml) make of a plain scalar. */
const scalars: readonly [string, unknown][] = [
  ['0755', 493],
  ['0o17', 15],
  ['0x1F', 31],
  ['0b101', 5],
  ['-0x10', -16],
  ['1_000', 1000],
  ['+12', 12],
  ['on', true],
  ['Yes', true],
  ['no', false],
  ['off', false],
  ['~', null],
  ['null', null],
  ['1:30', '1:30'],
  ['2020-01-01', '2020-01-01'],
  ['1e3', 1000],
  ['0.5', 0.5],
  ['1.2.3', '1.2.3'],
  ['"no"', 'no'],
  ["'0755'", '0755'],
];

for (const [text, expected] of scalars) {
  test(`parseYaml reads ${text} as kubectl does`, () => {
    assert.deepEqual(parseYaml(`key: ${text}\n`, 'test.yaml'), { key: expected });
  });
}

test('merge keys work, as in kubectl', () => {
  assert.deepEqual(parseYaml('base: &b {a: 1}\nuse: {<<: *b, c: 2}\n', 't'), {
    base: { a: 1 },
    use: { a: 1, c: 2 },
  });
});

test('empty documents are dropped, several are an error where one is wanted', () => {
  assert.deepEqual(parseYamlDocuments('---\n---\na: 1\n---\n# nothing\n---\nb: 2\n', 't'), [
    { a: 1 },
    { b: 2 },
  ]);
  assert.throws(
    () => parseYaml('a: 1\n---\nb: 2\n', 't'),
    (error) => isAirgapError(error, 'YAML_INVALID'),
  );
  assert.equal(parseYaml('', 't'), undefined);
});

const hostile: readonly [string, string][] = [
  ['a duplicate key', 'a: 1\na: 2\n'],
  ['an unknown tag', 'a: !!js/function "x"\n'],
  ['too deep', `${'['.repeat(100)}${']'.repeat(100)}`],
  ['an alias bomb', `a: &a [x]\n${Array.from({ length: 60 }, (_, i) => `k${i}: *a`).join('\n')}\n`],
  ['too large', `a: ${'x'.repeat(9 * 1024 * 1024)}\n`],
  ['no YAML at all', 'a: [1, 2\nb: }'],
  ['an undefined alias', 'a: *nothing\n'],
];

for (const [name, text] of hostile) {
  test(`threat 52: ${name} is refused with its file`, () => {
    assert.throws(
      () => parseYaml(text, 'values.yaml'),
      (error) => isAirgapError(error, 'YAML_INVALID') && error.message.includes('values.yaml'),
    );
  });
}

test('threat 52: merge keys cannot make it quadratic', () => {
  const keys = Array.from({ length: 2000 }, (_, i) => `k${i}: 1`).join(', ');
  const text = `a: &a {${keys}}\n${Array.from({ length: 40 }, (_, i) => `m${i}: {<<: *a}`).join('\n')}\n`;
  const started = process.cpuUsage();
  assert.throws(
    () => parseYaml(text, 't'),
    (error) => isAirgapError(error, 'YAML_INVALID'),
  );
  assert.ok(process.cpuUsage(started).user < 2_000_000);
});

test('threat 52: __proto__ is a key like others and pollutes nothing', () => {
  const value = parseYaml('__proto__: {polluted: true}\n', 't') as Record<string, unknown>;
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  assert.ok(Object.hasOwn(value, '__proto__') || Object.keys(value).length === 0);
});

test('a syntax error says line and column', () => {
  assert.throws(
    () => parseYaml('a: 1\nb: [1\nc: 2\n', 'f.yaml'),
    (error) => isAirgapError(error) && /^f\.yaml:\d+:\d+: /.test(error.message),
  );
});

test('what formatYaml writes, parseYaml reads back', () => {
  const value = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      fc.string(),
      fc.constantFrom(
        'on',
        'no',
        '0755',
        '1e3',
        '~',
        'null',
        '0x1F',
        '1_000',
        '- a',
        '# x',
        'a: b',
        '<<',
        '2020-01-01',
      ),
      fc.integer(),
      fc.boolean(),
      fc.array(tie('node'), { maxLength: 3 }),
      fc.dictionary(fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9._/-]{1,12}$/), tie('node'), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
    ),
  })).node;
  fc.assert(
    fc.property(value, (node) => {
      assert.deepEqual(parseYaml(formatYaml({ node }), 't'), { node });
    }),
  );
});
