import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chosenParts, chosenRetention, chosenSavings, type DataFlags } from '../../src/cli/backup-data.js';
import { isAirgapError } from '../../src/errors.js';
import { CHOICES, USUAL } from '../../src/recovery/create-types.js';

const flags = (more: Partial<DataFlags> = {}): DataFlags => ({ only: [], skip: [], ...more });
const isUsage = (error: unknown): boolean => isAirgapError(error, 'USAGE');

describe('what backup create saves, by its flags', () => {
  it('everything, the parts named, or all but those', () => {
    assert.deepEqual([...chosenParts(flags())], [...CHOICES]);
    assert.deepEqual([...chosenParts(flags({ only: ['database', 'values'] }))], ['values', 'database']);
    assert.ok(!chosenParts(flags({ skip: ['metrics'] })).has('metrics'));
    assert.throws(() => chosenParts(flags({ only: ['databse'] })), isUsage);
  });

  it('a dump and copies, unless another way or the site’s own is named', () => {
    assert.deepEqual(chosenSavings(flags()), USUAL);
    assert.deepEqual(
      chosenSavings(flags({ databaseAs: 'cold-copy', metricsBy: 'vendor X', prometheusAs: 'snapshot' })),
      {
        database: { way: 'cold-copy' },
        metrics: { by: 'vendor X' },
        prometheus: { way: 'snapshot' },
      },
    );
    assert.throws(() => chosenSavings(flags({ metricsAs: 'snapshot', metricsBy: 'vendor X' })), isUsage);
  });

  it('threat 134: retention keeps at least one, and is off unless asked for', () => {
    assert.equal(chosenRetention(flags()), undefined);
    assert.deepEqual(chosenRetention(flags({ keep: '14', keepDays: '2' })), {
      keepLast: 14,
      keepWithin: 2 * 86_400_000,
    });
    for (const keep of ['0', '-1', 'all', '1.5'])
      assert.throws(() => chosenRetention(flags({ keep })), isUsage);
  });
});
