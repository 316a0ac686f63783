import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { layoutBundle } from '../../src/bundle/layout.js';
import { writeBundle } from '../../src/bundle/writer.js';
import { slowSample } from './helpers.js';

/** A process of its own that packs slowly, for tests that kill it: node pack-child.ts OUTPUT. */
const output = process.argv[2] as string;
const from = slowSample();
const layout = layoutBundle(from.draft);
process.stdout.write('started\n');
await writeBundle(
  output,
  layout,
  ({ path }) => {
    process.stdout.write(`asked ${path}\n`);
    return Readable.from(slowly(from.contents.get(path) as Buffer));
  },
  { concurrency: 2 },
);
process.stdout.write('done\n');

async function* slowly(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 20_000) {
    yield bytes.subarray(at, at + 20_000);
    await sleep(3);
  }
}
