import { disaster } from './support/disaster.js';
import { FULL } from './support/site.js';

const versions = (process.env['AIRGAP_TEST_VERSIONS'] ?? '2.13.66,2.9.25').split(',');

for (const version of versions) disaster({ version, size: FULL, kills: 'every', failures: 20 });
