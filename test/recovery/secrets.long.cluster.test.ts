import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Ran, startNode, type TestNode } from '../install/support/node.js';
import { poison } from './support/faults.js';
import { canaries, findSecrets, liveSecrets } from './support/secrets.js';
import { fillDatabase, fillObjects, passwordValues, rowsOfJobs, SMALL } from './support/site.js';
import { type Watch, watchCommandLines } from './support/watch.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: secrets of a site, because AIRGAP_CLUSTER_TESTS is not 1');
const versions = (process.env['AIRGAP_TEST_VERSIONS'] ?? '2.16.79,2.9.25').split(',');

const PASSPHRASE = 'canary-passphrase-2291 "ü"';
const PULL_TOKEN = 'canary-pull-token-83c0aa';
const CLIENT_SECRET = 'canary-client-secret-5e17';

/** What must be among the live secrets, or the search is for nothing. */
const KINDS = ['tls.key', '.dockerconfigjson password', '.dockerconfigjson auth', 'postgresql', 'kubeconfig'];

/** A login that the registry does not ask for, in both namespaces, as operators make it. */
function pullSecrets(site: TestNode): string {
  const auth = Buffer.from(`robot:${PULL_TOKEN}`).toString('base64');
  const login = { auths: { [site.registry]: { username: 'robot', password: PULL_TOKEN, auth } } };
  const data = { '.dockerconfigjson': Buffer.from(JSON.stringify(login)).toString('base64') };
  const items = ['runai-backend', 'runai'].flatMap((namespace) => [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'runai-reg-creds', namespace },
      type: 'kubernetes.io/dockerconfigjson',
      data,
    },
  ]);
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

for (const version of versions)
  describe(`the secrets of a site: ${version}`, { skip: !wanted, timeout: 1_800_000 }, () => {
    let site: TestNode;
    let watch: Watch;
    let bundle = '';
    let key = '';
    const said: string[] = [];
    /** From 2.15 on it is in the values of the cluster and in a Secret. */
    const hasClientSecret = !version.startsWith('2.9.');
    const secrets = canaries();
    const at = (name: string): string => join(site.folder, name);
    const run = async (args: readonly string[], status: number | 'any' = 0): Promise<Ran> => {
      const ran = await site.airgap(...args);
      said.push(ran.out, ran.err);
      const shown = `${args.join(' ')}\n${ran.out}\n${ran.err}`.slice(-3000);
      if (status !== 'any') assert.equal(ran.status, status, shown);
      return ran;
    };
    /** Once with what people read, once with what programs read. */
    const both = async (
      args: readonly string[],
      json: readonly string[],
      status: number | 'any' = 0,
    ): Promise<Ran> => {
      await run(args, status);
      return run([...args, ...json, '--log-format', 'json', '--debug'], status);
    };
    const learn = (): void => {
      for (const [name, secret] of liveSecrets(site)) secrets.set(name, secret);
    };
    const nothingFound = (): void => assert.deepEqual(findSecrets(site, secrets, { said, watch }), []);

    before(async () => {
      site = startNode('secrets');
      watch = await watchCommandLines();
      bundle = site.bundle(version);
      secrets.set('the passphrase', PASSPHRASE);
      secrets.set('the pull token', PULL_TOKEN);
      secrets.set('the client secret', CLIENT_SECRET);
      site.kubectl('apply', '-f', site.file('pull.json', pullSecrets(site)));
      site.file('pass.txt', `${PASSPHRASE}\n`);
      site.file('backend.json', JSON.stringify(passwordValues(version)));
      site.file('cluster.json', JSON.stringify({ controlPlane: { clientSecret: CLIENT_SECRET } }));
    });
    after(() => {
      watch?.stop();
      site?.down();
    });

    it('threat 136: install, its plans and its report hold none', async () => {
      const cluster = hasClientSecret ? ['--cluster-values', at('cluster.json')] : [];
      const values = ['--backend-values', at('backend.json'), ...cluster];
      const flags = [
        '--registry',
        site.registry,
        '--plain-http',
        '--domain',
        'runai.test',
        '--timeout',
        '5m',
      ];
      await both(['install', bundle, ...values, ...flags, '--dry-run'], ['-o', 'json']);
      await run(['install', bundle, ...values, ...flags, '--dry-run', '-o', 'html']);
      await run(['install', bundle, ...values, ...flags, '--yes', '--log-format', 'json', '--debug']);
      fillDatabase(site, SMALL);
      fillObjects(site);
      learn();
      assert.ok(
        [...KINDS, ...(hasClientSecret ? ['clientSecret'] : [])].every((kind) =>
          [...secrets.keys()].some((name) => name.includes(kind)),
        ),
        [...secrets.keys()].join('\n'),
      );
      const support = at('support.json');
      await both(['preflight', bundle, ...flags, '--support-file', support], ['-o', 'json']);
      said.push(readFileSync(support, 'utf8'));
      if (hasClientSecret) {
        // A change of values, which a plan shows.
        const changed = { controlPlane: { clientSecret: 'canary-changed-77b1e0' } };
        secrets.set('the changed client secret', changed.controlPlane.clientSecret);
        const other = ['--cluster-values', site.file('changed.json', JSON.stringify(changed))];
        await both(['install', bundle, ...flags, ...other, '--dry-run'], ['-o', 'json']);
      }
      await both(['status', '--all'], ['-o', 'json']);
      await both(['rollback', '--dry-run'], ['-o', 'json'], 'any');
      nothingFound();
    });

    it('threat 136: a backup, what looks at it, and a drill show none', async () => {
      const file = at('site.backup');
      await both(['backup', 'create', '-o', file, '--dry-run'], ['--format', 'json']);
      const made = await run([
        'backup',
        'create',
        '-o',
        file,
        '--format',
        'json',
        '--log-format',
        'json',
        '--debug',
      ]);
      key = JSON.parse(made.out).keyFile;
      secrets.set('the identity', readFileSync(key, 'utf8').trim().split('\n').at(-1) ?? '');
      const pass = ['--passphrase-file', at('pass.txt')];
      await run(['backup', 'create', '-o', at('locked.backup'), ...pass]);
      await both(['backup', 'verify', file, '--identity', key], ['-o', 'json']);
      await both(['backup', 'verify', at('locked.backup'), ...pass], ['-o', 'json']);
      await both(['backup', 'inspect', file, '--identity', key], ['-o', 'json']);
      await both(['backup', 'list', site.folder, ...pass], ['-o', 'json']);
      // The wrong key and the wrong file: errors are output, too.
      await both(['backup', 'verify', at('locked.backup'), '--identity', key], ['-o', 'json'], 8);
      await both(['backup', 'verify', file, '--identity', at('pass.txt')], ['-o', 'json'], 'any');
      await both(['restore', file, '--drill', '--identity', key], ['-o', 'json']);
      nothingFound();
    });

    it('threat 136: a restore that fails, and one that comes through, show none', async () => {
      const flags = ['--registry', site.registry, '--plain-http', '--timeout', '5m'];
      const restore = ['restore', at('site.backup'), '--identity', key, '--bundle', bundle, ...flags];
      await both([...restore, '--replace', '--dry-run'], ['-o', 'json']);
      poison(site, Math.floor(rowsOfJobs(SMALL.rows) / 2));
      const failed = await run([...restore, '--only', 'database', '--replace', '--yes', '--debug'], 8);
      assert.match(failed.err, /RESTORE_FAILED/);
      poison(site, undefined);
      await run([...restore, '--only', 'database', '--yes', '--log-format', 'json', '--debug']);
      learn();
      nothingFound();
      site.must('up', '--fresh');
      const anew = [...restore, '--to-new-cluster', '--new-run'];
      await both([...anew, '--domain', 'new.test', '--dry-run'], ['-o', 'json']);
      await run([...anew, '--yes', '--log-format', 'json', '--debug']);
      learn();
      await both(['status', '--all'], ['-o', 'json']);
      nothingFound();
      const lines = [...watch.lines()];
      for (const program of [/helm.* upgrade /, /pg_restore /, /pg_dump /])
        assert.ok(
          lines.some((line) => program.test(line)),
          `the watch saw no ${program}`,
        );
    });
  });
