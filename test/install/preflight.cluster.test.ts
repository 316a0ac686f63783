import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Finding } from '../../src/install/findings.js';
import { type FaultSite, startFaultSite } from './support/fault-site.js';
import type { Ran } from './support/node.js';
import {
  auditLog,
  type Change,
  type Counted,
  changesSince,
  countedSince,
  countingProxy,
} from './support/purity.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: that preflight changes nothing: AIRGAP_CLUSTER_TESTS is not 1');

const REGISTRY = ['--registry', '10.99.0.2:5002', '--plain-http'];

interface Left {
  readonly ran: Ran;
  readonly changes: readonly Change[];
  readonly sent: readonly Counted[];
}

describe('preflight changes nothing', { skip: !wanted, timeout: 900_000 }, () => {
  let site: FaultSite;
  let log = '';
  let bundle = '';

  before(async () => {
    site = startFaultSite('purity');
    log = join(site.node.folder, 'registry.log');
    bundle = site.bundle('2.13.66');
    await site.serveScript(countingProxy(site, log));
  });
  after(() => site?.down());

  /** Runs it, and tells what the API server and the registry were asked to change by anybody of ours. */
  async function watched(...args: string[]): Promise<Left> {
    const [requests, blobs] = [auditLog(site).length, readFileSync(log, 'utf8').length];
    const ran = await site.node.airgap(...args);
    return {
      ran,
      changes: changesSince(site, requests),
      sent: countedSince(log, blobs).filter(({ method }) => method !== 'GET' && method !== 'HEAD'),
    };
  }
  const findings = ({ ran }: Left): Map<string, Finding> =>
    new Map((JSON.parse(ran.out) as { findings: Finding[] }).findings.map((one) => [one.id, one]));
  function assertPure({ changes, sent }: Left): void {
    assert.deepEqual(changes, []);
    assert.deepEqual(sent, []);
  }

  it('the log sees what helm and kubectl change, and does not see what they read', () => {
    const from = auditLog(site).length;
    site.install({ release: 'probe', namespace: 'default', chart: 'probe', version: '1.0.0' });
    site.uninstall({ release: 'probe', namespace: 'default' });
    site.node.kubectl('get', 'pods', '-A');
    const changes = changesSince(site, from);
    assert.ok(changes.some(({ verb, resource }) => verb === 'create' && resource === 'secrets'));
    assert.ok(
      changes.every(({ resource }) => resource === 'secrets'),
      JSON.stringify(changes),
    );
  });

  it('a good node passes, and nothing is changed; the file for support holds no secret', async () => {
    const file = join(site.node.folder, 'support.json');
    const flags = ['--domain', 'runai.test', '--backend-set', 'grafana.adminPassword=hunter2-canary'];
    const left = await watched(
      'preflight',
      bundle,
      ...REGISTRY,
      ...flags,
      '--support-file',
      file,
      '-o',
      'json',
    );
    assert.equal(left.ran.status, 0, left.ran.out + left.ran.err);
    assertPure(left);
    const found = findings(left);
    for (const id of [
      'clock.skew',
      'tls.backend',
      'tls.cluster',
      'domain.dns',
      'images.rendered',
      'crds.dry-run',
    ])
      assert.equal(found.get(id)?.outcome, 'pass', JSON.stringify(found.get(id)));
    assert.equal(found.get('charts.dry-run.runai-backend')?.outcome, 'pass');
    assert.equal(found.get('registry.writable')?.outcome, 'not-checked');
    const report = readFileSync(file, 'utf8');
    assert.equal(JSON.parse(report).bundle.version, '2.13.66');
    assert.doesNotMatch(report, /PRIVATE KEY|BEGIN CERTIFICATE|hunter2-canary/);
    assert.doesNotMatch(left.ran.out + left.ran.err, /hunter2-canary/);
  });

  it('neither do verify, a dry run of install, and a preflight that fails', async () => {
    const domain = ['--domain', 'runai.test'];
    for (const [status, ...args] of [
      [0, 'verify', bundle],
      [0, 'install', bundle, ...REGISTRY, ...domain, '--dry-run'],
      [7, 'preflight', bundle, ...REGISTRY, '--domain', 'nowhere.invalid'],
    ] as const) {
      const left = await watched(...args);
      assert.equal(left.ran.status, status, left.ran.out + left.ran.err);
      assertPure(left);
    }
  });

  it('a cluster and a registry that do not answer end the command, each by its name', async () => {
    const cluster = site.file('nobody.kubeconfig', {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'u', user: { token: 'x' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
    const lost = await watched('preflight', bundle, ...REGISTRY, '--kubeconfig', cluster);
    assert.equal(lost.ran.status, 6, lost.ran.err);
    assert.match(lost.ran.err, /error CLUSTER_UNREACHABLE[\s\S]*127\.0\.0\.1:1/);
    const closed = ['--registry', '127.0.0.1:1', '--plain-http', '--domain', 'runai.test'];
    const away = await watched('preflight', bundle, ...closed);
    assert.equal(away.ran.status, 5, away.ran.err);
    assert.match(away.ran.err, /error REGISTRY_UNREACHABLE[\s\S]*127\.0\.0\.1:1/);
  });

  it('--probe-push begins uploads and gives them up, and sends no byte', async () => {
    const left = await watched(
      'preflight',
      bundle,
      ...REGISTRY,
      '--domain',
      'runai.test',
      '--probe-push',
      '-o',
      'json',
    );
    assert.equal(left.ran.status, 0, left.ran.err);
    assert.deepEqual(left.changes, []);
    const count = (method: string) => left.sent.filter((one) => one.method === method).length;
    assert.ok(count('POST') > 5);
    assert.equal(count('POST'), count('DELETE'));
    assert.equal(left.sent.length, count('POST') * 2);
    assert.ok(left.sent.every(({ bytes }) => bytes === 0));
    assert.match(
      findings(left).get('registry.writable')?.seen ?? '',
      /an upload can be begun in \d+ repositories/,
    );
  });

  it('--canary makes one pod a node and takes it away', async () => {
    const pushed = await site.node.airgap('push', bundle, '--registry', site.node.registry, '--plain-http');
    assert.equal(pushed.status, 0, pushed.err);
    const left = await watched(
      'preflight',
      bundle,
      ...REGISTRY,
      '--domain',
      'runai.test',
      '--canary',
      '-o',
      'json',
    );
    assert.equal(left.ran.status, 0, left.ran.out + left.ran.err);
    assert.deepEqual(left.sent, []);
    assert.deepEqual(
      left.changes.map(({ verb, resource }) => `${verb} ${resource}`),
      ['create pods', 'delete pods'],
    );
    const found = findings(left);
    assert.match(found.get('registry.pull')?.seen ?? '', /^1 of 1 nodes pulled 10\.99\.0\.2:5002\//);
    assert.equal(
      found.get('domain.dns-in-pod')?.outcome,
      'pass',
      JSON.stringify(found.get('domain.dns-in-pod')),
    );
    assert.equal(site.node.kubectl('get', 'pods', '-n', 'runai-backend', '-o', 'name'), '');
  });
});
