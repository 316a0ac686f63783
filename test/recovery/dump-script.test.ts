import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { factLines, parseSums } from '../../src/recovery/dump-report.js';
import { DUMP_SCRIPT } from '../../src/recovery/dump-script.js';
import { temporaryFolder } from './archive/helpers.js';

/** A session that gives a snapshot, counts for a while, says what it counted, and ends when it is told to. */
const PSQL = `#!/bin/bash
while IFS= read -r line; do
  case $line in
  *pg_backend_pid*) echo $$ ;;
  *pg_export_snapshot*) echo 00000003-1 ;;
  *largeObjects*) ps -o ni= -p $$ > "$MARKS/nice"; sleep "\${COUNTS:-0}" >/dev/null 2>&1 </dev/null; for ((i = 0; i < 3000; i++)); do echo "{\\"n\\":$i,\\"pad\\":\\"$(printf %060d 0)\\"}"; done ;;
  '\\echo end-of-facts') [ -n "\${DIES:-}" ] && exit 3; echo end-of-facts ;;
  '\\q') touch "$MARKS/session-ended"; exit 0 ;;
  esac
done
touch "$MARKS/session-lost"
`;

const PG_DUMP = `#!/bin/bash
printf '%s\\n' "$*" > "$MARKS/arguments"
sleep "\${DUMPS:-0}"
head -c 3000000 /dev/zero | tr '\\0' d
exit "\${ENDS:-0}"
`;

interface Ran {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly report: string;
  readonly seconds: number;
}

async function run(t: TestContext, env: Record<string, string>): Promise<Ran & { readonly folder: string }> {
  const folder = await temporaryFolder(t);
  for (const [name, text] of [
    ['psql', PSQL],
    ['pg_dump', PG_DUMP],
  ] as const) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync('bash', ['-c', DUMP_SCRIPT, 'airgap', 'postgres', 'backend'], {
    input: 'secret\n',
    env: { PATH: `${folder}:${process.env['PATH']}`, MARKS: folder, ...env },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  return { status, stdout, report: stderr.toString(), seconds: (performance.now() - start) / 1000, folder };
}

const CONTENT = Buffer.alloc(3_000_000, 'd');
const SUMS = { bytes: CONTENT.length, sha256: createHash('sha256').update(CONTENT).digest('hex') };

describe('the program that dumps a database', () => {
  it('counts in the snapshot of the dump, while the dump is made, whichever takes longer', async (t) => {
    for (const env of [{ DUMPS: '1' }, { COUNTS: '1' }]) {
      const { status, stdout, report, folder } = await run(t, env);
      assert.equal(status, 0, report.slice(-500));
      assert.ok(stdout.equals(CONTENT));
      assert.deepEqual(parseSums(report), SUMS);
      assert.equal(factLines(report).filter((line) => line.includes('"pad"')).length, 3000);
      const { stdout: arguments_ } = spawnSync('cat', [join(folder, 'arguments')], { encoding: 'utf8' });
      assert.match(arguments_, /--compress=1 .*--snapshot=00000003-1/);
      assert.equal(Number(readFileSync(join(folder, 'nice'), 'utf8')), 10);
    }
  });

  it('threat 121: a pg_dump that fails late ends it at once, though the counting goes on', async (t) => {
    const { status, report, seconds } = await run(t, { ENDS: '1', COUNTS: '40' });
    assert.equal(status, 1, report.slice(-500));
    assert.ok(seconds < 30, `${seconds} s`);
  });

  it('fails when the tables could not be counted to their end', async (t) => {
    const { status, report } = await run(t, { DIES: '1' });
    assert.equal(status, 92);
    assert.match(report, /the tables could not be counted/);
  });
});
