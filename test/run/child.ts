import { runOnce } from './support.js';
import { makeWorld } from './world.js';

/** One upgrade in a process of its own, which dies where AIRGAP_TEST_DIE_AT says (`step|boundary`). */
const [site = '', state = ''] = process.argv.slice(2);
const point = process.env['AIRGAP_TEST_DIE_AT'];
await runOnce(state, makeWorld(site), {
  onBoundary: (step, boundary) => {
    if (`${step}|${boundary}` === point) process.kill(process.pid, 'SIGKILL');
  },
});
