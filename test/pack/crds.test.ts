import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { joinCrds } from '../../src/pack/crds.js';
import { parseYamlDocuments } from '../../src/yaml.js';
import { failure } from './support/failure.js';

const crd = (name: string): string => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: ${name}}
spec: {group: run.ai, versions: [{name: v1}]}
`;
const file = (origin: string, text: string) => ({ origin, bytes: Buffer.from(text), sha256: '' });

test('one file stays byte for byte', () => {
  const text = `# head\n---\n${crd('a.run.ai')}---\n${crd('b.run.ai')}`;
  const joined = joinCrds([file('a.yaml', text)]);
  assert.equal(joined.bytes.toString(), text);
  assert.deepEqual(joined.names, ['a.run.ai', 'b.run.ai']);
});

test('several files are joined in order, and read as the documents that they were', () => {
  const parts = [
    crd('a.run.ai').trimEnd(),
    `---\n${crd('b.run.ai')}`,
    `# note\n${crd('c.run.ai')}`,
    `# note\n\n---\n${crd('d.run.ai')}`,
  ];
  const joined = joinCrds(parts.map((text, index) => file(`${index}.yaml`, text)));
  const documents = parseYamlDocuments(joined.bytes.toString(), 'joined') as { metadata: { name: string } }[];
  assert.deepEqual(
    documents.map(({ metadata }) => metadata.name),
    ['a.run.ai', 'b.run.ai', 'c.run.ai', 'd.run.ai'],
  );
});

test('all that is no CRD is listed, and what is there twice', async () => {
  const { error, text } = await failure('CRDS_INVALID', () =>
    joinCrds([
      file('a.yaml', `${crd('a.run.ai')}---\nkind: Secret\nmetadata: {name: s}\n`),
      file('b.yaml', crd('a.run.ai')),
      file('c.yaml', '# nothing\n'),
      file('d.yaml', crd('d.run.ai').replace('/v1\n', '/v1beta1\n')),
    ]),
  );
  assert.equal(error.faults.length, 4, text);
  assert.match(text, /a\.yaml, document 2: is no CustomResourceDefinition/);
  assert.match(text, /b\.yaml: a\.run\.ai is there twice/);
  assert.match(text, /c\.yaml: holds no CustomResourceDefinition/);
  assert.match(text, /v1beta1/);
  assert.equal(error.exitStatus, 3);
});

test('threat 52: YAML that expands without end is refused', async () => {
  const bomb = `a: &a [x,x]\n${Array.from({ length: 60 }, (_, i) => `b${i}: *a`).join('\n')}\n`;
  await failure('YAML_INVALID', () => joinCrds([file('a.yaml', bomb)]));
  await failure('YAML_INVALID', () => joinCrds([file('a.yaml', `${'['.repeat(5000)}${']'.repeat(5000)}`)]));
});

test('the real releases are read whole', {
  skip: !process.env.AIRGAP_TEST_CRDS && 'AIRGAP_TEST_CRDS is not set',
}, () => {
  const folder = process.env.AIRGAP_TEST_CRDS as string;
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  assert.ok(names.length > 0);
  for (const name of names) {
    const bytes = readFileSync(join(folder, name));
    const joined = joinCrds([{ origin: name, bytes, sha256: '' }]);
    assert.ok(joined.names.length >= 15 && joined.names.includes('runaiconfigs.run.ai'), joined.names.join());
    assert.ok(joined.bytes.equals(bytes));
  }
});
