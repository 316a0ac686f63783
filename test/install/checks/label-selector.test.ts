import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selects } from '../../../src/install/checks/label-selector.js';

const LABELS = { 'kubernetes.io/metadata.name': 'runai', team: 'a' };
const expression = (key: string, operator: string, values?: string[]) => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});

test('a label selector as the API server reads it', () => {
  const rows: [unknown, boolean][] = [
    [undefined, true],
    [{}, true],
    [{ matchLabels: { team: 'a' } }, true],
    [{ matchLabels: { team: 'b' } }, false],
    [{ matchLabels: { 'standin.run.ai/admission': 'on' } }, false],
    [expression('team', 'In', ['a', 'b']), true],
    [expression('other', 'In', ['a']), false],
    [expression('team', 'NotIn', ['a']), false],
    [expression('other', 'NotIn', ['a']), true],
    [expression('team', 'Exists'), true],
    [expression('other', 'Exists'), false],
    [expression('team', 'DoesNotExist'), false],
    [expression('other', 'DoesNotExist'), true],
    [{ matchLabels: { team: 'a' }, ...expression('other', 'Exists') }, false],
    [expression('team', 'Unheard'), true],
  ];
  for (const [selector, expected] of rows)
    assert.equal(selects(selector, LABELS), expected, JSON.stringify(selector));
});
