import { openBundle } from '../../src/bundle/open.js';
import { requireOk, verifyBundle } from '../../src/bundle/verify.js';
import { pushBundle } from '../../src/install/push.js';
import { createRegistry } from '../../src/oci/registry.js';

/** Verifies a bundle and pushes it, in a process of its own; prints the most memory that it had, in MiB. */
const [file = '', host = ''] = process.argv.slice(2);
const bundle = await openBundle(file);
requireOk(await verifyBundle(bundle));
const registry = createRegistry(host, { plainHttp: true, env: {} });
const { sent } = await pushBundle(bundle, registry);
await registry.close();
await bundle.close();
process.stdout.write(JSON.stringify({ sent, peak: process.resourceUsage().maxRSS / 1024 }));
