import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeClocks } from '../../../src/install/checks/clock.js';

const AT = Date.parse('2026-11-21T10:00:00Z');
const judge = (
  server: number | undefined,
  nodes: Parameters<typeof judgeClocks>[0]['nodes'] = [],
  took = 20,
) =>
  judgeClocks({
    installer: { before: AT, after: AT + took },
    ...(server === undefined ? {} : { server }),
    nodes,
  });
const node = (behind: number, renewing?: boolean) => ({
  name: 'n1',
  renewed: AT - behind,
  ...(renewing === undefined ? {} : { renewing }),
});

test('within a minute passes', () => assert.equal(judge(AT - 900, [node(9000)]).outcome, 'pass'));

test('threat 92: the installer apart from the API server fails, either way, with both times', () => {
  for (const server of [AT + 120_000, AT - 120_000]) {
    const found = judge(server);
    assert.equal(found.outcome, 'fail');
    assert.match(found.seen, /this machine 2026-11-21T10:00:00Z, API server 2026-11-21T(10:02|09:58):00Z/);
  }
});

test('a slow answer is no skew', () => assert.equal(judge(AT + 70_000, [], 150_000).outcome, 'pass'));

test('a node ahead fails; one behind fails only when it renews; a silent one warns', () => {
  assert.equal(judge(AT, [node(-90_000)]).outcome, 'fail');
  assert.equal(judge(AT, [node(90_000, true)]).outcome, 'fail');
  assert.match(judge(AT, [node(90_000, true)]).seen, /n1 is 90 s behind/);
  assert.equal(judge(AT, [node(3_600_000, false)]).outcome, 'warn');
});

test('without a date nothing is said', () => assert.equal(judge(undefined).outcome, 'not-checked'));
