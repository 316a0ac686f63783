import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Running } from '../support/node.js';
import { demandKept, type Kept } from './furnish.js';
import { allKills, demandSameEnd } from './kills.js';
import { acknowledgements, openSite, type PathRun, recordOf, type UpgradeSite } from './site.js';
import { type Path, sourceOf } from './table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted)
  console.error('SKIPPED: an upgrade from a registry with a login, because AIRGAP_CLUSTER_TESTS is not 1');

/** Nodes ask what is on their own loopback without TLS. */
const GUARDED = '127.0.0.1:5001';
const PASSWORD = 'of-the-puller';
const PATH: Path = { from: '2.12', to: '2.13.66', helm: 'helm4' };
const STEPS = ['push', 'pull-secret:runai-backend', 'pull-secret:runai', 'canary'];

describe('an upgrade whose images are in a registry with a login', {
  skip: !wanted,
  timeout: 3_600_000,
}, () => {
  let site: UpgradeSite;
  let registry: Running | undefined;
  let roots = 0;
  before(() => {
    site = openSite('login');
  });
  after(async () => {
    await stopRegistry();
    site?.down();
  });

  const stopRegistry = async (): Promise<void> => {
    registry?.child.kill('SIGTERM');
    await registry?.ended;
  };

  /** The site of the source, and an empty registry beside it: a node that is put back has another network. */
  const putUp = async (): Promise<Kept> => {
    await stopRegistry();
    const kept = await site.putUp(sourceOf(PATH.from));
    const { node } = site;
    const users = node.file('users', `puller:${PASSWORD}\n`);
    const root = [
      '--root',
      join(node.folder, `guarded-${++roots}`),
      '--listen',
      GUARDED,
      '--auth-file',
      users,
    ];
    registry = node.start(['registry', 'serve', ...root]);
    await registry.said(/registry at/);
    return kept;
  };

  it('threat 81: killed at every step, those that make the pull secrets among them, it ends as one that is not', async () => {
    const kept = await putUp();
    const login = join(site.node.folder, 'login');
    mkdirSync(login);
    const auth = Buffer.from(`puller:${PASSWORD}`).toString('base64');
    site.node.file('login/config.json', JSON.stringify({ auths: { [GUARDED]: { auth } } }));
    const runOf = async (label: string): Promise<PathRun> => ({
      ...PATH,
      state: site.newState(label),
      acknowledge: await acknowledgements(site, PATH),
      guarded: { registry: GUARDED, login },
    });
    const run = await runOf('undisturbed');
    const mark = site.audit.mark();
    const ran = await site.install(run);
    assert.equal(ran.status, 0, `${ran.out}\n${ran.err}`);
    const undisturbed = { deletions: site.audit.deletionsSince(mark), dump: site.dump() };
    demandKept(site.node, kept, PATH.to);
    for (const namespace of ['runai-backend', 'runai']) demandPulled(namespace);
    const { steps } = recordOf(run.state);
    for (const id of STEPS)
      assert.ok(
        steps.some((step) => step.id === id),
        id,
      );

    await putUp();
    const killed = await runOf('killed');
    await demandSameEnd(site, killed, { kills: allKills(steps), undisturbed });
    demandKept(site.node, kept, PATH.to);
    for (const { state } of [run, killed])
      assert.ok(!JSON.stringify(recordOf(state)).includes(PASSWORD), 'the login is not in the record');
  });

  /** All that runs there came from the registry with the login. */
  function demandPulled(namespace: string): void {
    const { items } = site.node.json('get', 'pods', '-n', namespace) as { items: Pod[] };
    assert.ok(items.length > 0, namespace);
    for (const { metadata, spec, status } of items) {
      assert.equal(status.phase, 'Running', metadata.name);
      for (const { image } of spec.containers) assert.ok(image.startsWith(`${GUARDED}/`), image);
    }
  }
});

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly containers: readonly { readonly image: string }[] };
  readonly status: { readonly phase: string };
}
