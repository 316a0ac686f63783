import { disaster } from './support/disaster.js';
import { SMALL } from './support/site.js';

if (process.env['AIRGAP_CLUSTER_TESTS'] !== '1')
  console.error('SKIPPED: backup and restore on the test node, because AIRGAP_CLUSTER_TESTS is not 1');

disaster({ version: '2.13.66', size: SMALL, kills: 'sample', failures: 0 });
