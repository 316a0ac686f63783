import { type PlaceFlags, placeOptions } from '../../../src/cli/place.js';
import { rollback } from '../../../src/install/rollback/index.js';
import { context, dieAt } from './dying.js';

/**
 * `airgap rollback --accept-database-migration` in a process of its own that dies where it is told to (dying.ts).
 */
const [flags = '{}'] = process.argv.slice(2);
const { outcome } = await rollback({
  ...(await placeOptions(JSON.parse(flags) as PlaceFlags, context)),
  migration: 'accept',
  controlPlane: 'roll-back',
  mode: 'rollback',
  approve: async () => {},
  onBoundary: dieAt,
});
process.stdout.write(outcome);
