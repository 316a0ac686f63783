import assert from 'node:assert/strict';
import type { Ran } from '../support/node.js';
import type { Deletion } from '../upgrade/audit.js';
import { differences } from '../upgrade/compare.js';
import { demandKept, type Kept } from '../upgrade/furnish.js';
import type { PathRun, UpgradeSite } from '../upgrade/site.js';

export const ACCEPT = '--accept-database-migration';

/** A site before an upgrade: what must be kept, and every object. */
export interface Before {
  readonly kept: Kept;
  readonly old: Record<string, unknown>;
}

/** Every row, file, setting and object is as it was, but for what a rollback says that it leaves. */
export function demandAsBefore(site: UpgradeSite, { kept, old }: Before): void {
  demandKept(site.node, kept, kept.source.version);
  const left = differences(old, site.dump());
  assert.deepEqual(
    left.filter((line) => !Object.values(LEFT).some((pattern) => pattern.test(line))),
    [],
  );
}

/** `airgap rollback` of the run in a state folder, as an operator types it. */
export function rollBack(site: UpgradeSite, run: PathRun, ...flags: string[]): Promise<Ran> {
  const words = ['rollback', '--helm', site.helm(run.helm), '--timeout', '6m', ...flags];
  return site.node.start(words, { env: { AIRGAP_STATE_DIR: run.state } }).ended;
}

export function ended(ran: Ran, status: number): Ran {
  assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
  return ran;
}

/** By the API server's account airgap deleted nothing twice, and nothing but by its UID. */
export function demandDeletedOnce(deletions: readonly Deletion[]): void {
  const ours = deletions.filter(({ by, object }) => by === 'airgap' && !/\/airgap-/.test(object));
  const uids = ours.map(({ uid }) => uid);
  assert.ok(uids.every((uid) => uid !== undefined));
  assert.equal(new Set(uids).size, uids.length, 'nothing was deleted twice');
}

/** What may differ afterwards, each with the reason. */
const LEFT: Readonly<Record<string, RegExp>> = {
  revision: /^revision of /,
  'volumes stay, and that is said': /persistentVolumeReclaimPolicy|helm\.sh\/resource-policy/,
  'Projects are stored in a version that the old definition lacks, and that is said':
    /^CustomResourceDefinition projects\.run\.ai/,
  'definitions that the newer version brought stay, and that is said':
    /^CustomResourceDefinition \S+: absent/,
  'claims that the newer version’s stateful sets made stay, and that is said':
    /^PersistentVolumeClaim runai-backend\/data-\S+-\d+: absent/,
  'the TLS secret that was made from the values stays, and that is said':
    /^Secret runai-backend\/runai-backend-tls$/,
  'the API server tells of the definitions there are': /^APIService \S+\.run\.ai: absent/,
  'how often a workload changed': /deployment\.kubernetes\.io\/revision|^ControllerRevision /,
  'what a workload was in between': /^ReplicaSet \S+: absent/,
};
