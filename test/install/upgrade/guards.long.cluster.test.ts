import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Finding } from '../../../src/install/findings.js';
import type { Ran } from '../support/node.js';
import { askWebhook, denyingWebhook } from '../support/webhook.js';
import { history } from './furnish.js';
import { openSite, type PathRun, type UpgradeSite } from './site.js';
import { sourceOf } from './table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: upgrades that preflight stops, because AIRGAP_CLUSTER_TESTS is not 1');

const named = (name: string, namespace: string) => ({ metadata: { name, namespace } });

/** By target: a kind of which the new charts bring objects under old names, and names that only they use. */
const WAYS = [
  {
    to: '2.11.4',
    way: 'text B: deletes by kind',
    denied: { group: 'apps', resource: 'deployments', namespace: 'runai-backend' },
    foreign: {
      apiVersion: 'v1',
      kind: 'Service',
      ...named('runai-backend-postgresql-hl', 'runai-backend'),
      spec: { ports: [{ port: 1 }] },
    },
  },
  {
    to: '2.13.66',
    way: 'text C: the cluster part is uninstalled',
    denied: { group: 'apps', resource: 'daemonsets', namespace: 'runai' },
    foreign: { apiVersion: 'v1', kind: 'ServiceAccount', ...named('cluster-sync', 'runai') },
  },
] as const;

/** What would refuse the new charts after the deletes is found before them. */
describe('an upgrade from 2.8 that the site would refuse half-way', {
  skip: !wanted,
  timeout: 2_400_000,
}, () => {
  let site: UpgradeSite;
  let revision = 0;
  before(async () => {
    site = openSite('guards');
    revision = (await site.putUp(sourceOf('2.8-foreign'))).revision;
  });
  after(() => site?.down());

  async function dryRuns(to: string): Promise<Finding[]> {
    const address = ['--registry', site.node.registry, '--plain-http'];
    const ran = await site.node.airgap('preflight', site.bundle(to), ...address, '-o', 'json');
    const { findings } = JSON.parse(ran.out || ran.err) as { findings: Finding[] };
    return findings.filter(({ id }) => id.startsWith('charts.dry-run.'));
  }

  /** Refused in preflight, and every object is the one that it was. */
  async function refused(to: string): Promise<Ran> {
    const identities = (): string =>
      site.node.kubectl(
        ...['get', 'deployments,statefulsets,daemonsets,services,ingresses,secrets,serviceaccounts', '-A'],
        ...['-o', 'custom-columns=K:.kind,S:.metadata.namespace,N:.metadata.name,U:.metadata.uid'],
      );
    const before = identities();
    const run: PathRun = { to, helm: 'helm3', acknowledge: [], state: site.newState(`refused-${to}`) };
    const ran = await site.install(run);
    assert.equal(ran.status, 7, `${ran.out}\n${ran.err}`);
    assert.match(ran.err, /nothing was changed/);
    assert.equal(identities(), before);
    assert.equal(history(site.node).at(-1)?.revision, revision);
    return ran;
  }

  const objects = (thing: unknown): string => site.node.file('object.json', JSON.stringify(thing));

  for (const { to, way, denied, foreign } of WAYS)
    describe(`to ${to}, ${way}`, () => {
      it('nearly every object is sent, and the good site passes', async () => {
        const found = await dryRuns(to);
        assert.equal(found.length, 2);
        for (const { id, outcome, seen } of found) {
          assert.equal(outcome, 'pass', `${id}: ${seen}`);
          const [, accepted, all] = /^(\d+) of (\d+) objects accepted/.exec(seen) ?? [];
          assert.ok(Number(all) - Number(accepted) <= 3, `${id}: ${seen}`);
        }
      });

      it('threat 107: a webhook that denies what comes instead', async () => {
        const { group, resource, namespace } = denied;
        const serving = site.node.startScript(denyingWebhook(site));
        await serving.said(/registry at/);
        const file = objects(askWebhook(site, group, resource, namespace));
        site.node.kubectl('apply', '-f', file);
        try {
          const { err } = await refused(to);
          assert.match(err, /dry run of [\s\S]*the policy of the site says no/);
        } finally {
          site.node.kubectl('delete', '-f', file);
          serving.child.kill('SIGTERM');
          await serving.ended;
        }
      });

      it('an object of somebody’s under a name that only the new chart has', async () => {
        const file = objects(foreign);
        site.node.kubectl('apply', '-f', file);
        try {
          const { err } = await refused(to);
          assert.match(err, /belongs to no release/);
          assert.match(err, new RegExp(`kubectl delete \\w+ ${foreign.metadata.name} -n`));
        } finally {
          site.node.kubectl('delete', '-f', file);
        }
      });
    });
});
