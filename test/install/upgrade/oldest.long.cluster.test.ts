import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestNode } from '../support/node.js';
import { installByHand } from './by-hand.js';
import { demandSameEnd, killsAround } from './kills.js';
import { openSite, type PathRun, type UpgradeSite } from './site.js';
import { DOMAIN, PASSWORDS } from './table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: upgrades from before 2.8, because AIRGAP_CLUSTER_TESTS is not 1');

const NS = 'runai-backend';
const COUNT = "select count(*), md5(string_agg(x, '' order by id)) from kept";
const ROWS =
  'create table kept (id int primary key, x text); insert into kept select g, md5(g::text) from generate_series(1, 2000) g';

const VALUES = {
  backend: {
    deployment: { domain: DOMAIN },
    backend: { logLevel: 'debug' },
    postgresql: { postgresqlPassword: PASSWORDS.user, postgresqlPostgresPassword: PASSWORDS.superuser },
  },
  cluster: { 'runai-operator': { config: { 'project-controller': { createNamespaces: false } } } },
};

interface Row {
  readonly from: string;
  readonly to: string;
  /** Steps that this path has, in this order among others. */
  readonly steps: readonly string[];
  /** Killed around every step as well, and compared with the undisturbed run. */
  readonly kills?: true;
}

/** From the eras before 2.8, put up with the vendor's own commands. */
const ROWS_OF_PATHS: readonly Row[] = [
  {
    from: '2.3.5',
    to: '2.8.20',
    kills: true,
    steps: [
      'save',
      'retain:volumes',
      'delete:deployment/runai-backend-nginx-ingress-controller',
      'helm:runai-backend',
      'helm-uninstall:runai-operator',
      'delete:cluster-leftovers',
      'helm:runai-cluster',
      'restore:runaiconfig',
    ],
  },
  {
    from: '2.5.3',
    to: '2.10.11',
    steps: [
      'save',
      'retain:volumes',
      'keep:claims',
      'delete:workloads',
      'delete:secrets',
      'helm:runai-backend',
      'check:claims',
      'helm-uninstall:runai-cluster',
      'helm:runai-cluster',
      'restore:runaiconfig',
    ],
  },
  {
    from: '2.7.9',
    to: '2.13.66',
    steps: [
      'save',
      'retain:volumes',
      'keep:claims',
      'delete:ingress/runai-backend-ingress',
      'delete:secret/runai-backend-postgresql',
      'delete:statefulset/keycloak',
      'delete:statefulset/runai-backend-postgresql',
      'helm:runai-backend',
      'check:claims',
      'helm-uninstall:runai-cluster',
      'crds',
      'helm:runai-cluster',
    ],
  },
];

describe('upgrades from before 2.8, of sites that airgap has never seen', {
  skip: !wanted,
  timeout: 3_600_000,
}, () => {
  let site: UpgradeSite;
  let node: TestNode;
  before(() => {
    site = openSite('oldest');
    node = site.node;
  });
  after(() => site?.down());

  for (const [index, { from, to, steps, kills }] of ROWS_OF_PATHS.entries()) {
    const title = kills ? 'threats 81 and 119: also killed around every step: ' : '';
    it(`${title}${from} to ${to}`, async () => {
      if (index > 0) node.must('restore', 'empty');
      installByHand(node, { version: from, ...VALUES });
      node.must('psql', 'backend', ROWS);
      const rows = node.must('psql', 'backend', COUNT);
      const claims = theClaims();
      const spec = JSON.stringify({ spec: { limitRange: { cpu: '1' } } });
      node.kubectl('-n', 'runai', 'patch', 'runaiconfig', 'runai', '--type=merge', '-p', spec);
      if (kills) node.must('snapshot', from);

      const run: PathRun = { to, helm: 'helm3', acknowledge: [], state: site.newState(`${from}-${to}`) };
      const planned = (await site.planned(run)).map(({ id }) => id);
      assert.deepEqual(
        planned.filter((id) => steps.includes(id)),
        steps,
      );
      const mark = site.audit.mark();
      const ran = await site.install(run);
      assert.equal(ran.status, 0, `${ran.out}\n${ran.err}`);
      const undisturbed = { deletions: site.audit.deletionsSince(mark), dump: site.dump() };
      demandUpgraded({ rows, claims });
      const again = await site.install(run);
      assert.match(again.out, /nothing was changed/, again.err);
      if (!kills) return;

      node.must('restore', from);
      // The registry is no part of the snapshot: there is something to push again.
      site.forget('frontend');
      const killed = { ...run, state: site.newState(`killed-${from}-${to}`) };
      await demandSameEnd(site, killed, { kills: killsAround(await site.planned(killed)), undisturbed });
      demandUpgraded({ rows, claims });
    });
  }

  function demandUpgraded({ rows, claims }: { readonly rows: string; readonly claims: readonly string[] }) {
    assert.equal(node.must('psql', 'backend', COUNT), rows);
    for (const claim of claims) assert.ok(theClaims().includes(claim), claim);
    const releases = JSON.parse(node.must('exec', 'helm', 'list', '-A', '-o', 'json')) as {
      name: string;
    }[];
    assert.deepEqual(releases.map(({ name }) => name).sort(), ['runai-backend', 'runai-cluster']);
    const config = node.json('-n', 'runai', 'get', 'runaiconfig', 'runai') as {
      spec: Record<string, never>;
    };
    assert.equal(config.spec['limitRange']?.['cpu'], '1');
    assert.equal(config.spec['project-controller']?.['createNamespaces'], false);
    const backend = JSON.stringify(node.json('-n', NS, 'get', 'deployment', 'runai-backend-backend'));
    assert.match(backend, /"name":"LOG_LEVEL","value":"debug"/);
  }

  function theClaims(): string[] {
    const path = '{range .items[*]}{.metadata.name}={.metadata.uid}={.spec.volumeName} {end}';
    return node.kubectl('get', 'pvc', '-n', NS, '-o', `jsonpath=${path}`).split(' ');
  }
});
