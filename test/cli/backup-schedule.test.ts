import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { recipientOf } from '../../src/recovery/archive/age/keys.js';
import { parseYamlDocuments } from '../../src/yaml.js';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

function airgap(...args: string[]): {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
} {
  const ran = spawnSync(process.execPath, ['--import', 'tsx', MAIN, ...args], { encoding: 'utf8' });
  return { status: ran.status, out: ran.stdout, err: ran.stderr };
}

test('threat 138: a schedule wants a key that is not in the cluster, and prints what kubectl takes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'airgap-schedule-'));
  try {
    const file = join(folder, 'backup.key');
    const { out, status } = airgap('backup', 'keygen', '-o', file);
    assert.equal(status, 0);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const secret = /^AGE-SECRET-KEY-1\S+$/m.exec(readFileSync(file, 'utf8'))?.[0] ?? assert.fail();
    assert.equal(recipientOf(secret), out.trim());
    assert.equal(airgap('backup', 'keygen', '-o', file).status, 2, 'a key is never overwritten');

    const schedule = ['backup', 'schedule', '--image', 'registry.site:5000/postgresql:15'];
    assert.equal(airgap(...schedule).status, 2);
    assert.equal(airgap(...schedule, '--recipient', 'age1nonsense').status, 8);
    const printed = airgap(
      ...schedule,
      '--recipient',
      out.trim(),
      '--metrics-by',
      'vendor X',
      '--keep',
      '14',
    );
    assert.equal(printed.status, 0, printed.err);
    assert.ok(!printed.out.includes(secret));
    const kinds = parseYamlDocuments(printed.out, 'schedule').map((each) => (each as { kind: string }).kind);
    assert.deepEqual(kinds.slice(0, 2), ['Namespace', 'ServiceAccount']);
    assert.equal(kinds.at(-1), 'CronJob');
    assert.match(printed.out, /- vendor X/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
