import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RestoreOutcome, RestoreView } from '../../src/recovery/restore-types.js';
import { formatRestored, formatRestorePlan, restoreJson } from '../../src/term/restore.js';

const view: RestoreView = {
  backup: {
    path: '/b/site.backup',
    id: 'c'.repeat(64),
    createdAt: '2024-10-01T00:00:00.000Z',
    clusterUid: 'old-uid',
  },
  cluster: { context: 'site', server: 'https://10.0.0.1:6443', uid: 'new-uid' },
  plan: {
    kind: 'restore',
    title: 'restore',
    bundleId: 'd'.repeat(64),
    clusterUid: 'new-uid',
    steps: [
      {
        id: 'swap',
        title: 'stop, rename, start',
        command: 'kubectl scale …',
        destructive: true,
        saves: ['the numbers of replicas'],
        doneWhen: 'they are renamed',
        undoneBy: 'renaming them back',
      },
    ],
  },
  rewrites: ['cluster UID: old-uid becomes new-uid'],
  leftOut: ['metrics: left out by --skip'],
};
const outcome: RestoreOutcome = {
  outcome: 'restored',
  view,
  runId: 'run-1',
  runFolder: '/state/runs/run-1',
  report: '/state/runs/run-1/report.html',
  kept: {
    safetyBackup: { path: '/state/runs/run-1/before-restore.backup', keyFiles: ['/state/runs/run-1/k.key'] },
    databases: [{ name: 'backend', old: 'backend_airgap_old', drop: 'kubectl … DROP DATABASE' }],
  },
  steps: [
    { id: 'a', outcome: 'done' },
    { id: 'b', outcome: 'already-done' },
  ] as RestoreOutcome['steps'],
};

test('the plan of a restore: which backup, where to, what is written otherwise, what is not in it', () => {
  assert.equal(
    formatRestorePlan(view),
    `restore of /b/site.backup
  backup    cccccccccccc, made 2024-10-01T00:00:00.000Z on cluster old-uid
  cluster   site, https://10.0.0.1:6443, UID new-uid
  rewritten cluster UID: old-uid becomes new-uid
  not in it metrics: left out by --skip

Plan, 1 step
  1. stop, rename, start [DESTRUCTIVE]
       $ kubectl scale …
       saves    the numbers of replicas
       done     when they are renamed
       undone   by renaming them back
`,
  );
});

test('after a restore: what was replaced and where it still is, and what to do now', () => {
  assert.equal(
    formatRestored(outcome),
    `restored   backup cccccccccccc of 2024-10-01T00:00:00.000Z
cluster    site (new-uid)
steps      1 done, 1 held already
run        run-1, in /state/runs/run-1
report     /state/runs/run-1/report.html
before     what was there is in /state/runs/run-1/before-restore.backup
           its key is /state/runs/run-1/k.key
kept       database backend as it was, under the name backend_airgap_old; when nobody needs it any more:
           $ kubectl … DROP DATABASE
next       log in, and look at clusters and projects
           what came between the backup and its loss is not there: ask its owners
           upgrade afterwards, when that was the aim: airgap install
           take a backup of what runs now: airgap backup create
`,
  );
});

test('for programs: the same facts', () => {
  const { kept, steps } = restoreJson(outcome);
  assert.deepEqual(kept, outcome.kept);
  assert.deepEqual(steps, outcome.steps);
});
