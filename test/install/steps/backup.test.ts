import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { AirgapError } from '../../../src/errors.js';
import type { PlannedBackup } from '../../../src/install/backup-types.js';
import { backupStep, NO_BACKUP } from '../../../src/install/steps/backup.js';
import type { BackupWork, Results } from '../../../src/install/steps/types.js';
import type { Connection } from '../../../src/kube/client.js';
import { parseIdentityFile, recipientOf } from '../../../src/recovery/archive/age/keys.js';
import { createBackupWriter } from '../../../src/recovery/archive/writer.js';
import { LEFT_OUT, USUAL } from '../../../src/recovery/create-types.js';
import { backupsForInstall } from '../../../src/recovery/for-install.js';
import type { BackupStage, BackupTaking } from '../../../src/run/backup-stage.js';
import type { StepExecutor } from '../../../src/run/types.js';
import { type Bench, makeBench, runStep } from '../support/step.js';

const CLUSTER = '11111111-1111-1111-1111-111111111111';
const NOON = Date.parse('2026-03-01T12:00:00Z');
const HOUR = 3_600_000;

/** A real archive, small, as a backup leaves it: encrypted for the key of the file. */
async function writeBackup(
  { path, keyFile }: Pick<BackupTaking, 'path' | 'keyFile'>,
  facts: { readonly clusterUid?: string; readonly without?: string; readonly at?: number } = {},
): Promise<void> {
  const [identity = ''] = parseIdentityFile(readFileSync(keyFile, 'utf8'), keyFile);
  const encryption = { kind: 'recipients', recipients: [recipientOf(identity)], identity } as const;
  const writer = await createBackupWriter(path, { encryption });
  await writer.addFile('objects/a.json', '{}'.repeat(50_000), { role: 'secrets' });
  await writer.finish({
    createdAt: new Date(facts.at ?? NOON).toISOString(),
    tool: '0.0.0',
    clusterUid: facts.clusterUid ?? CLUSTER,
    product: { name: 'runai' },
    releases: [],
    databases: [],
    volumes: [],
    skipped: facts.without === undefined ? [] : [{ what: facts.without, why: LEFT_OUT }],
    meta: {},
  });
}

describe('the backup before the first step that risks data', () => {
  let bench: Bench;
  let taken: number;
  let take: BackupStage['take'];
  let now: number;

  beforeEach(async () => {
    bench = await makeBench();
    taken = 0;
    now = NOON;
    take = async (request) => {
      await writeBackup(request, { at: now });
      return real().verify(request.path, { keyFile: request.keyFile, signal: request.signal });
    };
  });
  afterEach(() => bench.close());

  const keys = (): string => join(bench.context.runFolder, 'state');
  const real = (identities: readonly string[] = []): BackupStage =>
    backupsForInstall({
      stateRoot: keys(),
      toolVersion: '0.0.0',
      savings: USUAL,
      unlock: { identities },
      env: { PATH: '' },
      now: () => now,
      random: (size) => Buffer.alloc(size, ++taken),
      emit: () => {},
    });

  /** The step in a process of its own: nothing is remembered but what lies on the disk. */
  function step(
    planned: PlannedBackup = { kind: 'take' },
    more: Partial<BackupWork> = {},
  ): { readonly executor: StepExecutor; readonly results: Results } {
    const results: Results = { health: new Map(), revisions: new Map() };
    const backup: BackupWork = {
      stage: { ...real(), take: (request) => take(request) },
      client: {} as Connection,
      clusterUid: CLUSTER,
      place: 'here',
      harmBegun: false,
      ...more,
    };
    return { executor: backupStep({ results, now: () => now, backup }, planned), results };
  }
  const observe = (more: Partial<BackupWork> = {}, planned: PlannedBackup = { kind: 'take' }) =>
    step(planned, more).executor.observe(bench.context);
  const file = (name = 'before-run-1.backup'): string => join(bench.context.runFolder, name);
  const flip = (path: string): void => {
    const bytes = readFileSync(path);
    const at = bytes.length >> 1;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  };
  const broken = { code: 'BACKUP_INVALID', exitStatus: 8 };

  it('threat 118: is made, encrypted for a key of its own, and told in the report', async () => {
    const { executor, results } = step();
    assert.equal(await runStep(executor, bench.context), 'done');
    assert.ok(results.backup?.kind === 'take');
    assert.equal(results.backup.path, file());
    assert.equal(statSync(results.backup.keyFile).mode & 0o777, 0o600);
    assert.match(readFileSync(file(), 'latin1'), /^age-encryption\.org\/v1/);
    assert.match(bench.notes.join('\n'), /before-run-1\.backup, its key into /);
  });

  it('a run that goes on neither makes it again nor trusts it unread', async () => {
    await runStep(step().executor, bench.context);
    take = async () => assert.fail('made again');
    for (const harmBegun of [false, true]) {
      const { executor, results } = step({ kind: 'take' }, { harmBegun });
      assert.match((await executor.observe(bench.context)).detail ?? '', /verified: .*its key/);
      assert.ok(results.backup?.kind === 'take' && results.backup.keyFile);
    }
    flip(file());
    await assert.rejects(observe({ harmBegun: true }), broken);
  });

  it('a broken one is made again under another name while nothing was put at risk', async () => {
    await runStep(step().executor, bench.context);
    flip(file());
    const { executor, results } = step();
    const first = await executor.observe(bench.context);
    assert.equal(first.state, 'ready');
    assert.match(first.detail ?? '', /damaged/);
    assert.equal(await runStep(executor, bench.context), 'done');
    assert.ok(results.backup?.kind === 'take');
    assert.equal(results.backup.path, file('before-run-1-2.backup'));
    assert.ok(existsSync(file()), 'what is broken stays for a look');
    assert.equal((await observe({ harmBegun: true })).state, 'done', 'the second one counts');
  });

  it('one that a killed process left unfinished is made again under the same name', async () => {
    take = async ({ path }) => {
      writeFileSync(`${path}.partial`, 'age-encryption.org/v1 and no more');
      throw new AirgapError('EXEC_BROKEN', 'the stream broke');
    };
    const killed = step().executor;
    await assert.rejects(killed.perform(bench.context), { code: 'BACKUP_FAILED' });
    assert.match((await observe()).detail ?? '', /no such file/);
    take = (request) => writeBackup(request).then(() => real().verify(request.path, request));
    assert.equal(await runStep(step().executor, bench.context), 'done');
    assert.ok(existsSync(file()) && !existsSync(`${file()}.partial`));
  });

  it('one that is gone: stops after harm, unless another host of the run has it', async () => {
    await runStep(step().executor, bench.context);
    rmSync(file());
    assert.equal((await observe()).state, 'ready');
    await assert.rejects(observe({ harmBegun: true }), broken);
    assert.equal((await observe({ harmBegun: true, place: 'there' })).state, 'done');
    assert.match(bench.notes.at(-1) ?? '', /lies on another host \(here\), at /);
  });

  it('after a day it is too old, unless it is what was there before steps that are done', async () => {
    await runStep(step().executor, bench.context);
    now += 25 * HOUR;
    assert.match((await observe()).detail ?? '', /is not recent/);
    assert.equal((await observe({ harmBegun: true })).state, 'done');
  });

  it('whatever keeps it from being made ends with the status of backups', async () => {
    for (const code of ['DISK_FULL', 'CLUSTER_UNREACHABLE', 'OUTPUT_UNWRITABLE', 'BACKUP_FAILED'] as const) {
      take = async () => {
        throw new AirgapError(code, 'no way', { found: 'why' });
      };
      await assert.rejects(step().executor.perform(bench.context), (error: AirgapError) => {
        assert.deepEqual([error.code, error.exitStatus, error.found], ['BACKUP_FAILED', 8, 'why']);
        return true;
      });
    }
  });

  it('none: said loudly, every time', async () => {
    const { executor, results } = step({ kind: 'none' });
    assert.deepEqual(await executor.observe(bench.context), { state: 'done', detail: NO_BACKUP });
    assert.deepEqual([bench.notes, results.backup], [[NO_BACKUP], { kind: 'none' }]);
  });

  describe('a backup that the operator names', () => {
    /** Makes one and the plan that is bound to it. */
    async function named(facts: Parameters<typeof writeBackup>[1] = {}) {
      const path = file('named.backup');
      rmSync(path, { force: true });
      const keyFile = await real().newKey('named');
      await writeBackup({ path, keyFile }, facts);
      const identities = parseIdentityFile(readFileSync(keyFile, 'utf8'), keyFile);
      const stage = real(identities);
      const { backupId, createdAt } = await stage.look(path, bench.context.signal);
      const planned: PlannedBackup = { kind: 'use', file: path, backupId, createdAt };
      const look = (more = {}, plan = planned) => observe({ stage, ...more }, plan);
      return { path, planned, observe: look };
    }
    const unfit = (pattern: RegExp) => (error: AirgapError) => {
      assert.deepEqual([error.code, error.exitStatus], ['BACKUP_UNFIT', 8], error.message);
      assert.match(error.faults.map(({ what }) => what).join('; ') + error.message, pattern);
      return true;
    };

    it('threat 118: serves when it is whole, of this cluster, and younger than a day', async () => {
      const { observe: look } = await named({ at: NOON - 23 * HOUR });
      assert.match((await look()).detail ?? '', /verified/);
      now += 2 * HOUR;
      await assert.rejects(look(), unfit(/is not recent/));
      assert.equal((await look({ harmBegun: true })).state, 'done', 'its age was right when it counted');
    });

    it('threat 118: another cluster’s, one of the future, one without the database do not', async () => {
      const wrong = { clusterUid: 'other', at: NOON + HOUR, without: 'database' };
      const { observe: look } = await named(wrong);
      await assert.rejects(look(), unfit(/another cluster; was made without the database; is not recent/));
    });

    it('a damaged one, one in its place, and one that no key opens are refused', async () => {
      const { path, planned, observe: look } = await named();
      await assert.rejects(observe({}, planned), { code: 'BACKUP_KEY', exitStatus: 8 });
      flip(path);
      await assert.rejects(look(), broken);
      const other = await named({ at: NOON - HOUR });
      await assert.rejects(other.observe({}, planned), unfit(/is another backup than the one of the plan/));
    });
  });
});
