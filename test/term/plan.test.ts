import assert from 'node:assert/strict';
import { test } from 'node:test';
import { approvePlan } from '../../src/cli/approve.js';
import type { CliContext } from '../../src/cli/context.js';
import { estimatePlan } from '../../src/install/estimate.js';
import { makePlan } from '../../src/install/plan.js';
import type { InstallOutcome, PlanView } from '../../src/install/types.js';
import { formatOutcome, outcomeJson } from '../../src/term/install.js';
import { formatPlan } from '../../src/term/plan.js';
import { formatFindings } from '../../src/term/preflight.js';
import { formatPush, formatPushState } from '../../src/term/push.js';
import { emptySite, requestOf } from '../install/support/observation.js';

const none = { values: {}, settings: [] };

function view(more: Partial<PlanView> = {}): PlanView {
  const secret = {
    values: { global: { postgresql: { auth: { password: 'canary-secret' } } } },
    settings: [],
  };
  const request = requestOf('2.13.66', {
    overrides: { 'control-plane': secret, cluster: none, prerequisite: none },
  });
  const site = emptySite();
  const made = makePlan(request, site);
  return {
    bundle: { file: '/b.tar', id: 'c'.repeat(64), product: 'runai', version: '2.13.66' },
    images: 'carried',
    cluster: site.cluster,
    registry: 'reg.site:5000',
    helm: 'v3.19.0 (/bin/helm)',
    plan: made.plan,
    made,
    done: [],
    estimate: estimatePlan(made.plan, { toSend: 2_000_000_000 }),
    findings: [],
    ...more,
  };
}

test('threat 96: a plan names cluster, server, UID and nodes before its steps', () => {
  const lines = formatPlan(view()).split('\n');
  assert.deepEqual(lines.slice(0, 5), [
    'runai 2.13.66 (bundle cccccccccccc)',
    '  cluster   site, https://10.0.0.1:6443, v1.28.3, 1 node',
    '  cluster UID 11111111-1111-1111-1111-111111111111',
    '  registry  reg.site:5000',
    '  helm      v3.19.0 (/bin/helm)',
  ]);
  assert.ok(lines.includes('Plan, 8 steps'));
  assert.ok(lines.includes('  3. install the control plane 2.13.66'));
  assert.ok(lines.includes('  + global.domain: "runai.site"'));
});

test('threat 136: neither text nor JSON of a plan shows a secret', () => {
  const outcome: InstallOutcome = {
    outcome: 'planned',
    view: view(),
    steps: [],
    health: [],
    revisions: {},
    duration: 1,
  };
  for (const text of [formatPlan(view()), formatOutcome(outcome), JSON.stringify(outcomeJson(outcome))])
    assert.doesNotMatch(text, /canary/);
});

test('threat 54: what a server or a bundle says cannot move the cursor', () => {
  const { cluster } = emptySite();
  const text = formatPlan(view({ cluster: { ...cluster, context: 'a\x1b[2J\x1b]0;x\x07b\u202e' } }));
  assert.match(text, /cluster {3}ab,/);
});

test('a destructive step is marked, with what is saved and what undoes it', () => {
  const base = view();
  const step = {
    id: 'x',
    title: 'delete it',
    destructive: true,
    saves: ['the object'],
    doneWhen: 'it is gone',
    undoneBy: 'the saved object',
    command: 'kubectl delete x\nkubectl delete y',
  };
  const text = formatPlan({ ...base, plan: { ...base.plan, steps: [step] } });
  assert.match(
    text,
    / {2}1\. delete it \[DESTRUCTIVE\]\n {7}\$ kubectl delete x\n {7}\$ kubectl delete y\n {7}saves {4}the object\n {7}done {5}when it is gone\n {7}undone {3}by the saved object\n/,
  );
});

test('threat 118: that there is no backup is said before the steps and in the report', () => {
  const base = view();
  const input = { action: { kind: 'backup' }, backup: { kind: 'none' } };
  const step = {
    id: 'backup',
    title: 'NO BACKUP is made',
    destructive: false,
    saves: [],
    doneWhen: 'said',
    input,
  };
  const without = { ...base, plan: { ...base.plan, steps: [step] } };
  assert.match(
    formatPlan(without),
    /\nWITHOUT A BACKUP \(--no-backup\)\n[^\n]*cannot be brought back\.\n\nPlan, 1 step\n/,
  );
  assert.doesNotMatch(formatPlan(base), /WITHOUT A BACKUP/);
  const outcome: InstallOutcome = {
    outcome: 'installed',
    view: without,
    steps: [],
    health: [],
    revisions: {},
    duration: 1,
    backup: { kind: 'none' },
  };
  assert.match(formatOutcome(outcome), /\n {2}WITHOUT A BACKUP: --no-backup was given\n/);
  assert.deepEqual(outcomeJson(outcome)['backup'], { kind: 'none' });
});

test('the JSON has the steps in order with id, title, command, destructive and saves', () => {
  const outcome: InstallOutcome = {
    outcome: 'planned',
    view: view(),
    steps: [{ id: 'push', outcome: 'done' }],
    health: [],
    revisions: {},
    duration: 1,
  };
  const json = JSON.parse(JSON.stringify(outcomeJson(outcome)));
  assert.deepEqual(json.steps.map((step: { id: string }) => step.id).slice(0, 2), ['push', 'namespaces']);
  for (const step of json.steps)
    for (const key of ['id', 'title', 'command', 'destructive', 'saves'])
      assert.ok(key in step, `${step.id} ${key}`);
  assert.equal(json.steps[0].outcome, 'done');
  assert.equal('input' in json.steps[0], false);
});

test('findings: one a line, what to do below those that are not right', () => {
  const text = formatFindings([
    { id: 'owners', title: 'short', outcome: 'pass', seen: 'good' },
    {
      id: 'owners',
      title: 'a longer one',
      outcome: 'fail',
      seen: 'bad',
      expected: 'good',
      advice: 'mend it',
    },
    { id: 'owners', title: 'other', outcome: 'not-checked', seen: 'no rights' },
  ]);
  assert.equal(
    text,
    [
      'pass  short         good',
      'FAIL  a longer one  bad',
      '      expected  good',
      '      to do     mend it',
      'skip  other         no rights',
      '',
    ].join('\n'),
  );
});

test('a push says what was sent, mounted, skipped and moved', () => {
  const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;
  const text = formatPush(
    {
      images: [
        { repository: 'web', tag: '1', digest: digest('a'), outcome: 'copied', replaced: digest('b') },
        { repository: 'db', tag: '1', digest: digest('c'), outcome: 'present' },
      ],
      sent: { blobs: 1, bytes: 1500 },
      mounted: { blobs: 2, bytes: 10 },
      skipped: { blobs: 0, bytes: 0 },
      manifests: 2,
    },
    'reg:5000',
  );
  assert.match(
    text,
    /^2 images in reg:5000, 1 of them were there already; all read back\n {2}sent {5}1 blob, 1\.50 kB\n {2}mounted {2}2 blobs, 10 bytes\n {2}skipped {2}0 blobs, 0 bytes\n {2}moved {4}web:1 from sha256:b+ to sha256:a+\n$/,
  );
  const state = {
    images: 2,
    missing: ['web:1'],
    different: [{ target: 'db:1', found: digest('a'), wanted: digest('b') }],
  };
  assert.match(
    formatPushState(state, 'reg:5000'),
    /^0 of 2 images are in reg:5000\n {2}would push web:1\n {2}would move db:1 from sha256:a+ to sha256:b+\n$/,
  );
});

test('own changes are told whole, defaults of the chart by number; the JSON lists both with their origin', () => {
  const shown = view();
  const [backend, ...others] = shown.made?.releases ?? [];
  assert.ok(backend && shown.made);
  const at = (kind: 'added' | 'removed' | 'changed', path: string, origin: 'own' | 'default') => ({
    ...{ kind, path, origin, before: '1', after: '2' },
  });
  const changes = [
    at('changed', 'mine', 'own'),
    at('added', 'theirs.a', 'default'),
    at('added', 'theirs.b', 'default'),
    at('removed', 'theirs.c', 'default'),
  ];
  const made = { ...shown.made, releases: [{ ...backend, changes }, ...others] };
  const lines = formatPlan({ ...shown, made }).split('\n');
  const from = lines.indexOf('Values of runai-backend, in effect');
  assert.deepEqual(lines.slice(from + 1, from + 4), [
    '  ~ mine: 1 -> 2',
    '  and 3 defaults of the chart: 2 added, 1 removed; -o json and -o html list them',
    '',
  ]);
  const { values } = outcomeJson({
    ...{ outcome: 'planned', view: { ...shown, made }, steps: [], health: [], revisions: {}, duration: 1 },
  }) as { values: Record<string, unknown> };
  assert.deepEqual(values['runai-backend'], changes);
});

test('whoever is asked sees the plan of the dry run, also where standard output is for a program; only yes is yes', async () => {
  for (const output of ['text', 'json', 'html']) {
    const said: string[] = [];
    const asked: string[] = [];
    const context = (answer: boolean) =>
      ({
        stdout: { write: (text: string) => said.push(text) },
        confirm: async (question: string) => {
          asked.push(question);
          return answer;
        },
      }) as unknown as CliContext;
    await approvePlan(view(), { output }, context(true));
    const shown = output === 'text' ? said : asked;
    assert.ok(shown.join('').includes(formatPlan(view())), output);
    if (output !== 'text') assert.deepEqual(said, [], 'a program reads nothing but its own');
    assert.match(asked[0] ?? '', /Do this on .*\?$/);
    await assert.rejects(approvePlan(view(), { output }, context(false)), { code: 'CONFIRMATION_NEEDED' });
    const nobody = { ...context(true), confirm: undefined };
    await assert.rejects(approvePlan(view(), { output }, nobody), {
      code: 'CONFIRMATION_NEEDED',
      expected: '--yes',
    });
  }
});
