import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { differences } from './compare.js';
import { demandKept, history, type Kept } from './furnish.js';
import { allKills, commitSeed, demandCommitted, demandOnce, runWithKills, sampleKills } from './kills.js';
import { PAGE_GET_VALUES, PAGE_LINES } from './page.js';
import { acknowledgements, openSite, type PathRun, type UpgradeSite } from './site.js';
import { type HelmName, PASSWORDS, sourceOf } from './table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
const seed = commitSeed();
if (!wanted) console.error('SKIPPED: upgrades on the test node, because AIRGAP_CLUSTER_TESTS is not 1');
else console.error(`upgrade: seed ${seed} (AIRGAP_TEST_SEED gives it again)`);

/** One site that lives through every era; scripts/test-full has the whole matrix. */
const LIFE: readonly { readonly to: string; readonly how: string }[] = [
  { to: '2.9.25', how: 'text B: deletes by kind' },
  { to: '2.10.11', how: 'the charts alone' },
  { to: '2.11.4', how: 'the claims leave the chart' },
  { to: '2.12.3', how: 'another chart, other keys, claims by name' },
  { to: '2.13.66', how: 'the charts alone' },
  { to: '2.16.79', how: 'other keys of the cluster' },
];
const KILLS_A_HOP = 2;
const KILLS_COMPARED = 8;
/** One helm for all; which one, the commit says. */
const HELM: HelmName = seed % 2 === 0 ? 'helm3' : 'helm4';

describe(`upgrades on a real node (${HELM})`, { skip: !wanted, timeout: 3_600_000 }, () => {
  let site: UpgradeSite;
  let kept: Kept;
  before(() => {
    site = openSite('upgrade');
  });
  after(() => site?.down());

  it('the page’s own lines for 2.8 and below lose the release; what ours do comes next', async () => {
    await site.putUp(sourceOf('2.8'));
    assert.equal(history(site.node).length, 1);
    for (const line of PAGE_LINES) site.node.must('exec', 'sh', '-c', line);
    const values = site.node.node('exec', 'sh', '-c', PAGE_GET_VALUES);
    assert.notEqual(values.status, 0);
    assert.match(values.err, /release: not found/);
    const known = site.node.must('exec', 'helm', 'list', '-n', 'runai-backend', '-a', '-q');
    assert.equal(known, '', 'Helm knows no release any more');
    const secrets = site.node.kubectl('-n', 'runai-backend', 'get', 'secret', '-o', 'name');
    assert.equal(secrets, '', 'with it went the passwords, the certificate and what people had made');
  });

  for (const [index, { to, how }] of LIFE.entries()) {
    it(`threat 81: to ${to}, killed twice on the way: ${how}`, async () => {
      if (index === 0) kept = await site.putUp(sourceOf('2.8'));
      const from = index === 0 ? '2.8' : (LIFE[index - 1]?.to ?? '');
      const path = { from: index === 0 ? from : '2.9', to, helm: HELM };
      const run: PathRun = {
        ...path,
        state: site.newState(`life-${to}`),
        acknowledge: await acknowledgements(site, path),
      };
      const started = performance.now();
      const kills = sampleKills(allKills(await site.planned(run)), KILLS_A_HOP, seed + index);
      const result = await runWithKills(site, run, kills);
      console.error(`upgrade: ${from} to ${to}: ${seconds(started)} s, died at ${result.deaths.join(', ')}`);
      demandKept(site.node, kept, to);
      demandCommitted(run.state);
    });
  }

  it('threats 81 and 119: killed and gone on with, 2.8 with another NGINX ends at 2.13 as an undisturbed run does', async () => {
    const source = sourceOf('2.8-foreign');
    const before28 = await site.putUp(source);
    const run = { to: '2.13.66', helm: HELM, acknowledge: [], state: site.newState('undisturbed') };
    const started = performance.now();
    const mark = site.audit.mark();
    const ran = await site.install(run);
    assert.equal(ran.status, 0, `${ran.out}\n${ran.err}`);
    const undisturbed = site.audit.deletionsSince(mark);
    console.error(`upgrade: 2.8 with another NGINX to 2.13: ${seconds(started)} s`);
    demandKept(site.node, before28, run.to);
    const dump = site.dump();

    await site.putUp(source);
    const killed = { ...run, state: site.newState('killed') };
    const again = performance.now();
    const kills = sampleKills(allKills(await site.planned(killed)), KILLS_COMPARED, seed);
    const result = await runWithKills(site, killed, kills);
    console.error(`upgrade: the same: ${seconds(again)} s, died at ${result.deaths.join(', ')}`);
    demandKept(site.node, before28, run.to);
    demandOnce(result, undisturbed);
    demandCommitted(killed.state);
    assert.deepEqual(differences(dump, site.dump()), []);
  });

  it('threat 136: no password is in the record of any of these runs', () => {
    const files = recordsIn(join(site.node.folder, 'states'));
    assert.ok(files.length >= 9, `${files.length} files`);
    for (const file of files) {
      const text = readFileSync(file, 'utf8');
      for (const password of Object.values(PASSWORDS)) assert.ok(!text.includes(password), file);
      assert.doesNotMatch(text, /PRIVATE KEY/, file);
    }
  });
});

/** Files of the records of all runs of a test, without what was saved for a restore. */
function recordsIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /runs\/.*\/(journal\.jsonl|plan\.json|run\.json)$/.test(name))
    .map((name) => join(folder, name));
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 1000);
}
