import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { isAirgapError } from '../../../../src/errors.js';
import { openBackupFile, openTar } from '../../../../src/recovery/archive/source.js';
import { sha256, temporaryFolder } from '../helpers.js';

/** The folder `testdata` of the module, which is not part of this repository: named, or got through the go command. */
const FOLDER =
  process.env['AIRGAP_AGE_VECTORS'] ?? fromGo('c2sp.org/CCTV/age@v0.0.0-20251208015420-e9274a7bdbfd');

/** Vectors of forms that we do not read: text armour, and post-quantum or tagged recipients. */
const FOREIGN = /^(armor|hybrid|p256tag|mlkem|x25519_armor|tag)/;

/** Files that do not begin as age v1 files; as a backup they are refused for that. */
const NO_AGE_FILE = new Set(['empty', 'header_crlf', 'version_unsupported']);

interface Vector {
  readonly expect: string;
  readonly payload: string | undefined;
  readonly identities: readonly string[];
  readonly passphrases: readonly string[];
  readonly file: Buffer;
}

test('threat 138: every published test vector of the age format gives what it should', {
  skip: FOLDER === undefined ? 'SKIPPED: neither AIRGAP_AGE_VECTORS nor go gives the vectors' : false,
}, async (t) => {
  const folder = await temporaryFolder(t);
  const names = readdirSync(FOLDER as string).filter((name) => !FOREIGN.test(name));
  let tried = 0;
  for (const name of names) {
    const vector = parseVector(readFileSync(join(FOLDER as string, name)));
    const path = join(folder, name);
    writeFileSync(path, vector.file);
    const result = await decrypt(path, vector);
    tried += 1;
    assert.deepEqual(result, expectedOf(name, vector), `${name}: ${vector.expect}`);
  }
  assert.ok(tried > 50, `${tried} vectors`);
  t.diagnostic(`${tried} vectors`);
});

function expectedOf(name: string, { expect, payload }: Vector) {
  if (expect === 'success') return { sha256: payload };
  if (expect === 'no match') return { code: 'BACKUP_KEY' };
  return { code: NO_AGE_FILE.has(name) ? 'no age file' : 'BACKUP_INVALID' };
}

async function decrypt(path: string, { identities, passphrases }: Vector) {
  let file: Awaited<ReturnType<typeof openBackupFile>> | undefined;
  try {
    file = await openBackupFile(path);
    if (!file.header) return { code: 'no age file' };
    const tar = await openTar(file, {
      identities,
      ...(passphrases[0] === undefined ? {} : { passphrase: passphrases[0] }),
    });
    return { sha256: sha256(await tar.read(0, tar.size)) };
  } catch (error) {
    if (!isAirgapError(error)) throw error;
    return { code: error.code };
  } finally {
    await file?.bytes.close();
  }
}

/** Lines `key: value`, an empty line, then the file, which may be compressed with zlib. */
function parseVector(bytes: Buffer): Vector {
  const end = bytes.indexOf('\n\n');
  const facts = bytes
    .toString('utf8', 0, end)
    .split('\n')
    .map((line) => /^([^:]+): (.*)$/.exec(line))
    .flatMap((match) => (match ? [{ key: match[1], value: match[2] as string }] : []));
  const all = (key: string): string[] => facts.filter((fact) => fact.key === key).map(({ value }) => value);
  const body = bytes.subarray(end + 2);
  return {
    expect: all('expect')[0] ?? '',
    payload: all('payload')[0],
    identities: all('identity'),
    passphrases: all('passphrase'),
    file: all('compressed')[0] === 'zlib' ? inflateSync(body) : body,
  };
}

/** go keeps modules outside the checkout; undefined without go or network. */
function fromGo(module: string): string | undefined {
  const { status, stdout } = spawnSync('go', ['mod', 'download', '-json', module], {
    cwd: tmpdir(),
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (status !== 0) return undefined;
  return join((JSON.parse(stdout) as { Dir: string }).Dir, 'testdata');
}
