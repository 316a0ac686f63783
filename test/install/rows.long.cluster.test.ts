import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Finding } from '../../src/install/findings.js';
import { type FindingId, ROWS, rowOf } from '../../src/install/rows.js';
import { type FaultSite, startFaultSite } from './support/fault-site.js';
import { type Asked, FAULTY_SITES } from './support/faulty-sites.js';
import type { Ran } from './support/node.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: the rows of preflight on a real node: AIRGAP_CLUSTER_TESTS is not 1');

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const TSX = fileURLToPath(new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url));

describe('every row of preflight fails for real', { skip: !wanted, timeout: 2_400_000 }, () => {
  let site: FaultSite;
  before(() => {
    site = startFaultSite('rows');
  });
  after(() => site?.down());

  async function preflight({ bundle, registry, flags = [], env = {}, small }: Asked): Promise<Ran> {
    const address = ['--registry', registry ?? site.node.registry, '--plain-http'];
    const args = ['preflight', bundle, ...address, ...flags, '-o', 'json'];
    if (small === undefined) return site.node.start(args, { env }).ended;
    mkdirSync(small.folder, { recursive: true });
    const inner = [process.execPath, '--import', TSX, MAIN, ...args];
    const ran = site.node.script(`
      import { execFileSync, spawnSync } from 'node:child_process';
      const folder = ${JSON.stringify(small.folder)};
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=${small.bytes}', 'tmpfs', folder]);
      const [program, ...args] = ${JSON.stringify(inner)};
      const { status, stdout, stderr } = spawnSync(program, args, {
        encoding: 'utf8',
        env: { ...process.env, TMPDIR: folder },
      });
      process.stdout.write(stdout);
      process.stderr.write(stderr);
      process.exitCode = status ?? 1;`);
    return ran;
  }

  for (const { title, rows, make, undo } of FAULTY_SITES) {
    describe(title, () => {
      let found: Map<string, Finding>;
      before(async () => {
        try {
          const ran = await preflight(await make(site));
          const worst = Object.keys(rows).some((id) => ROWS[rowOf(id) ?? 'site'].worst === 'fail');
          if (worst) assert.ok([7, 9, 11].includes(ran.status ?? -1), `${ran.status}: ${ran.out}${ran.err}`);
          const { findings } = JSON.parse(ran.out || ran.err) as { findings: Finding[] };
          found = new Map(findings.map((finding) => [finding.id, finding]));
        } finally {
          await undo(site);
        }
      });
      for (const [id, seen] of Object.entries(rows) as [FindingId, RegExp][])
        it(id, () => {
          const finding = found.get(id);
          const row = rowOf(id);
          assert.ok(finding && row, `${id} is not among ${[...found.keys()].join(', ')}`);
          assert.equal(finding.outcome, ROWS[row].worst, JSON.stringify(finding));
          assert.match(finding.seen, seen);
          assert.ok(finding.advice, `${id} says what to do`);
        });
    });
  }

  it('a site that was put right again passes: no fault comes from an earlier one', async () => {
    const ran = await preflight({ bundle: site.bundle('2.13.66'), flags: ['--domain', 'runai.test'] });
    const { findings } = JSON.parse(ran.out || ran.err) as { findings: Finding[] };
    assert.deepEqual(
      findings.filter(({ outcome }) => outcome === 'fail'),
      [],
    );
    assert.equal(ran.status, 0);
  });
});
