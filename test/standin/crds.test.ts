import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { chooseFile, crdsFor } from '../../scripts/lib/standin/crds.js';
import { parseVersion } from '../../scripts/lib/standin/eras.js';
import { temporary } from './support.js';

describe('the choice of a CRD file', () => {
  const names = ['README.md', '2.9.25.yaml', '2.13.66.yaml', '2.13.7.yaml'];
  const rows = [
    ['2.7', '2.9.25.yaml'],
    ['2.9', '2.9.25.yaml'],
    ['2.12.9', '2.9.25.yaml'],
    ['2.13.0', '2.13.66.yaml'],
    ['2.20', '2.13.66.yaml'],
  ] as const;
  for (const [version, file] of rows) {
    it(`${version} gets ${file}`, () => {
      assert.equal(chooseFile(names, parseVersion(version)), file);
    });
  }

  it('finds nothing in a folder without releases', () => {
    assert.equal(chooseFile(['a.yaml'], parseVersion('2.9')), undefined);
  });
});

describe('the CRD file', () => {
  const version = parseVersion('2.13');

  it('is the given file, byte for byte, whatever the folder holds', async (context) => {
    const folder = temporary(context);
    writeFileSync(join(folder, '2.13.1.yaml'), 'from: folder\n');
    writeFileSync(join(folder, 'mine'), 'from:   file # as it is\r\n');
    const crds = await crdsFor(version, { file: join(folder, 'mine'), folder });
    assert.equal(String(crds.content), 'from:   file # as it is\r\n');
    assert.equal(crds.real, true);
    assert.equal(String((await crdsFor(version, { folder })).content), 'from: folder\n');
  });

  it('fails for a folder without releases', async (context) => {
    await assert.rejects(crdsFor(version, { folder: temporary(context) }), /no file called/);
  });

  it('is small and says so when there is nothing else', async () => {
    const crds = await crdsFor(version, {});
    assert.equal(crds.real, false);
    assert.match(crds.note, /SMALL CRDs/);
    const found = parseAllDocuments(String(crds.content)).map((document) => document.toJS());
    assert.ok(found.some(({ metadata }) => metadata.name === 'runaiconfigs.run.ai'));
    for (const { kind, metadata, spec } of found) {
      assert.equal(kind, 'CustomResourceDefinition');
      assert.equal(metadata.name, `${spec.names.plural}.${spec.group}`);
      assert.equal(spec.versions.filter((one: { storage: boolean }) => one.storage).length, 1);
    }
  });
});
