import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Ran, startNode, type TestNode } from './support/node.js';
import { IDENTITY } from './upgrade/table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted)
  console.error('SKIPPED: the backup of an upgrade on the test node, because AIRGAP_CLUSTER_TESTS is not 1');

interface Kept {
  readonly kind: string;
  readonly path: string;
  readonly keyFile: string;
  readonly backupId: string;
}

describe('an upgrade from 2.9 to 2.13 backs up first', { skip: !wanted, timeout: 1_800_000 }, () => {
  let site: TestNode;
  let next = '';
  let small = '';

  const ended = (ran: Ran, status: number): Ran => {
    assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
    return ran;
  };
  const upgrade = (...more: string[]): string[] => ['install', next, '--yes', '--timeout', '5m', ...more];
  const ids = (text: string): string[] => JSON.parse(text).steps.map(({ id }: { id: string }) => id);
  const releases = (): string => site.must('exec', 'helm', 'list', '-A', '-a', '-o', 'json');
  const ingress = (): string =>
    site.kubectl('-n', 'runai-backend', 'get', 'ingress', '-o', 'jsonpath={.items[*].metadata.uid}');
  const set = ['-n', 'runai-backend', 'statefulset/runai-backend-postgresql'] as const;
  const scale = (to: number): void => {
    site.kubectl('scale', ...set, `--replicas=${to}`);
    if (to > 0) site.kubectl('rollout', 'status', ...set, '--timeout=120s');
    else
      site.kubectl(
        '-n',
        'runai-backend',
        'wait',
        '--for=delete',
        'pod/runai-backend-postgresql-0',
        '--timeout=60s',
      );
  };
  const records = (): string[] => {
    const runs = join(site.stateDir, 'airgap', 'runs');
    const names = existsSync(runs) ? readdirSync(runs, { recursive: true, encoding: 'utf8' }) : [];
    return names
      .filter((name) => name.endsWith('.jsonl'))
      .map((name) => readFileSync(join(runs, name), 'utf8'));
  };

  before(async () => {
    site = startNode('before');
    const first = site.bundle('2.9.25');
    next = site.bundle('2.13.66');
    small = join(site.folder, 'small');
    mkdirSync(small);
    const flags = ['--registry', site.registry, '--plain-http', '--domain', 'runai.test', '--timeout', '5m'];
    ended(await site.airgap('install', first, ...flags, '--yes'), 0);
    site.must(
      'psql',
      'backend',
      'create table kept as select g, md5(g::text) from generate_series(1, 50000) g',
    );
  });
  after(() => {
    spawnSync('umount', [small]);
    site?.down();
  });

  it('threat 118: the plan has the backup right before the first delete; without one it says so aloud', async () => {
    const planned = ids(ended(await site.airgap(...upgrade('--dry-run', '-o', 'json')), 0).out);
    assert.equal(planned.indexOf('backup') + 1, planned.indexOf('delete:ingress/runai-backend-ingress'));
    assert.ok(planned.indexOf('push') < planned.indexOf('backup'));
    const without = ended(await site.airgap(...upgrade('--dry-run', '--no-backup')), 0);
    assert.match(without.out, /WITHOUT A BACKUP \(--no-backup\)[\s\S]*NO BACKUP is made/);
  });

  it('threat 118: a database that is down stops it before anything is pushed', async () => {
    const before = [releases(), ingress()];
    scale(0);
    try {
      const ran = ended(await site.airgap(...upgrade()), 8);
      assert.match(ran.err, /error BACKUP_FAILED[\s\S]*runai-backend-postgresql-0 does not run/);
      assert.deepEqual([releases(), ingress()], before);
      assert.ok(records().every((text) => !text.includes('"delete:')));
    } finally {
      scale(1);
    }
  });

  it('threat 133: a disk with too little room is told before; one that fills up stops before harm', async () => {
    const before = [releases(), ingress()];
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', small]);
    try {
      const told = ended(await site.airgap(...upgrade('--backup-dir', small)), 8);
      assert.match(told.err, /[MG]B free at .*small[\s\S]*--backup-dir/);
      const filled = ended(
        await site.airgap(...upgrade('--backup-dir', small, '--acknowledge', 'backup')),
        8,
      );
      assert.match(filled.err, /error BACKUP_FAILED: the backup could not be made: no room/);
      assert.deepEqual(readdirSync(small), []);
      assert.deepEqual([releases(), ingress()], before);
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it('threat 118: killed while it backs up, it makes the backup anew, upgrades, and the backup proves itself', async () => {
    // The disk has room by now: the run that stopped goes on, into the same folder.
    const running = site.start(upgrade());
    await running.said(/\[backup\].*start/);
    await running.said(/backup into /);
    running.child.kill('SIGKILL');
    await running.ended;
    const ran = ended(await site.airgap(...upgrade('-o', 'json')), 0);
    const backup = JSON.parse(ran.out).backup as Kept;
    assert.equal(backup.kind, 'take');
    assert.ok(backup.path.startsWith(small), backup.path);
    assert.deepEqual(
      readdirSync(small).filter((name) => !/\.backup(\.verified\.json)?$/.test(name)),
      [],
    );
    const key = ['--identity', backup.keyFile];
    const verified = JSON.parse(
      ended(await site.airgap('backup', 'verify', backup.path, ...key, '-o', 'json'), 0).out,
    );
    assert.equal(verified.backupId, backup.backupId);
    assert.match(JSON.stringify(JSON.parse(releases())), /control-plane-2\.13\.66/);
    assert.equal(site.must('psql', 'backend', 'select count(*) from kept'), '50000');
    const inspected = JSON.parse(
      ended(await site.airgap('backup', 'inspect', backup.path, ...key, '-o', 'json'), 0).out,
    );
    assert.equal(inspected.product.controlPlane, '2.9.25', 'it holds what was there before');
  });

  it('threat 118: once the control plane is changed, a run whose backup got lost does not go on', async () => {
    const third = site.bundle('2.16.79');
    const args = ['install', third, '--yes', '--timeout', '5m', ...IDENTITY];
    const running = site.start(args);
    await running.said(/\[helm:runai-backend\].*done/);
    running.child.kill('SIGKILL');
    const killed = await running.ended;
    const path = /backup into (\S+\.backup)/.exec(killed.err)?.[1] ?? '';
    assert.ok(existsSync(path), killed.err);
    renameSync(path, `${path}.away`);
    const refused = ended(await site.airgap(...args), 8);
    assert.match(refused.err, /error BACKUP_INVALID[\s\S]*--no-backup --new-run --acknowledge=give-up@/);
    writeFileSync(path, readFileSync(`${path}.away`));
    const ran = ended(await site.airgap(...args), 0);
    assert.match(ran.out, /backup: .*verified/);
  });
});
