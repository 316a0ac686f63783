import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Deletion } from './audit.js';
import { demandKept } from './furnish.js';
import { allKills, demandSameEnd } from './kills.js';
import { acknowledgements, openSite, type PathRun, recordOf, type UpgradeSite } from './site.js';
import { PATHS, type Path, sourceOf } from './table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: the upgrade matrix, because AIRGAP_CLUSTER_TESTS is not 1');

describe('every upgrade path with every helm', { skip: !wanted, timeout: 4 * 3_600_000 }, () => {
  let site: UpgradeSite;
  before(() => {
    site = openSite('matrix');
  });
  after(() => site?.down());

  for (const path of PATHS) {
    const name = `${path.from} to ${path.to} with ${path.helm}`;

    it(`threats 81, 114 and 119: ${name}: every row, file, claim, patch and setting is there`, async () => {
      const started = performance.now();
      const { undisturbed, run } = await undisturbedRun(path);
      const { steps } = recordOf(run.state);
      console.error(`matrix: ${name}: ${steps.length} steps, ${seconds(started)} s`);
      if (!path.kills) return;
      const dump = site.dump();
      const kept = await site.putUp(sourceOf(path.from));
      site.forget('frontend');
      const killed = { ...run, state: site.newState(`killed-${path.from}-${path.to}-${path.helm}`) };
      const kills = allKills(steps);
      await demandSameEnd(site, killed, { kills, undisturbed: { deletions: undisturbed, dump } });
      demandKept(site.node, kept, path.to);
    });
  }

  /** `airgap install` on the site as it was. */
  async function undisturbedRun(path: Path): Promise<{ undisturbed: Deletion[]; run: PathRun }> {
    const kept = await site.putUp(sourceOf(path.from));
    const run: PathRun = {
      ...path,
      state: site.newState(`${path.from}-${path.to}-${path.helm}`),
      acknowledge: await acknowledgements(site, path),
    };
    const mark = site.audit.mark();
    const ran = await site.install(run);
    assert.equal(ran.status, 0, `${ran.out}\n${ran.err}`);
    demandKept(site.node, kept, path.to);
    return { undisturbed: site.audit.deletionsSince(mark), run };
  }
});

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 1000);
}
