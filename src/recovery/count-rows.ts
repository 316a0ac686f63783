import * as v from 'valibot';
import { AirgapError } from '../errors.js';
import type { KubeClient } from '../kube/types.js';
import type { CountedDatabase, DatabaseCount } from '../run/database-count.js';
import { BACKEND } from '../runai/names.js';
import { parseAnswer, wholeLines } from './answer.js';
import { effectiveValues, readLiveReleases } from './collect-releases.js';
import { describeAddress, externalDatabase } from './database-address.js';
import { callDatabase, type DatabaseCall } from './database-list.js';
import { findDatabase } from './database-place.js';
import { COUNT_SCRIPT, SERVER_SCRIPT } from './dump-script.js';
import { execText } from './exec-stream.js';

/**
 * Counts tables and rows of every database of the product's own server; changes nothing.
 * @throws AirgapError BACKUP_FAILED when it does not open, and those of the cluster
 */
export async function countRows(
  client: Pick<KubeClient, 'get' | 'list' | 'exec'>,
  signal: AbortSignal,
): Promise<DatabaseCount> {
  const releases = await readLiveReleases(client, { signal });
  const backend = releases.find(({ release }) => release.name === BACKEND.release)?.release;
  if (!backend) return { kind: 'not-asked', why: 'no control plane is here' };
  const values = effectiveValues(backend);
  const external = externalDatabase(values);
  if (external) return { kind: 'not-asked', why: `it is the site’s own, at ${describeAddress(external)}` };
  return countServer({ client, database: await findDatabase(client, values, signal), signal });
}

const LIST = v.object({ server: v.string(), databases: v.array(v.string()) });

/** @throws AirgapError BACKUP_FAILED */
export async function countServer(options: DatabaseCall): Promise<DatabaseCount> {
  const text = await execText(callDatabase(SERVER_SCRIPT, ['postgres'], options), {
    code: 'BACKUP_FAILED',
    what: 'the databases cannot be listed',
  });
  const { server, databases } = parseAnswer(text, LIST, {
    code: 'BACKUP_FAILED',
    what: 'the list of databases',
  });
  const counted: CountedDatabase[] = [];
  for (const name of databases) {
    const lines = await execText(callDatabase(COUNT_SCRIPT, [name], options), {
      code: 'BACKUP_FAILED',
      what: `the rows of ${name} cannot be counted`,
    });
    const counts = parseCounts(lines, name);
    counted.push({ name, tables: counts.length, rows: counts.reduce((sum, count) => sum + count, 0) });
  }
  return { kind: 'counted', server, databases: counted };
}

/** @throws AirgapError BACKUP_FAILED for lines without their end */
function parseCounts(text: string, database: string): readonly number[] {
  const lines = wholeLines(text);
  if (lines?.every((line) => /^\d+$/.test(line))) return lines.map(Number);
  throw new AirgapError('BACKUP_FAILED', `the counts of ${database} did not arrive whole`, {
    expected: 'one number a line, and a last line that says that it is the last',
    found: `${text.length} characters`,
  });
}
