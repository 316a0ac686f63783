import { compareVersions, isAtLeast, parseVersion, type Version } from './version.js';

/** Field managers whose fields on CRDs may be taken over; anybody else's conflict stops. */
export const CRD_OWNERS = ['kubectl-client-side-apply', 'helm', 'airgap'] as const;

/** The release from which the vendor's chart brings the CRDs up to date by itself. */
const SELF_UPGRADING = '2.13.13';

/**
 * True when a cluster of this version cannot be upgraded without its CRD file: 2.5 to 2.13.12. From 2.13 on the
 * texts do not ask for it any more, but the charts before 2.13.13 did not do it (release notes).
 */
export function crdsRequired(version: Version): boolean {
  const last = parseVersion(SELF_UPGRADING);
  return isAtLeast(version, 2, 5) && last !== undefined && compareVersions(version, last) < 0;
}

/** CRDs of a release that later files no longer hold, and that must stay: their objects are in use. */
export const CRDS_THAT_STAY = [
  { name: 'deploymentworkloads.run.ai', until: '2.11', why: 'removed from the file in 2.12' },
  { name: 'deploymentpolicies.run.ai', until: '2.11', why: 'removed from the file in 2.12' },
  { name: 'queues.scheduling.run.ai', until: '2.12', why: 'belongs to the scheduler from 2.13 on' },
  { name: 'podgroups.scheduling.run.ai', until: '2.12', why: 'belongs to the scheduler from 2.13 on' },
] as const;

/** Custom resources that hold the operator's own input, and are saved in their stored versions. */
export const CONFIG_RESOURCES = [
  { group: 'run.ai', plural: 'runaiconfigs' },
  { group: 'run.ai', plural: 'projects' },
  { group: 'scheduling.run.ai', plural: 'departments' },
  { group: 'run.ai', plural: 'nodepools' },
  { group: 'run.ai', plural: 'accessrules' },
] as const;

/** Queues of the scheduler, where an operator's limits may stand; served by some releases only. */
export const QUEUES = { group: 'scheduling.run.ai', plural: 'queues' } as const;

/** Rules of the operator's own beside those: no upgrade deletes them, and what a new definition makes of them is unsure. */
export const RULES = [
  { group: 'engine.run.ai', plural: 'configs' },
  { group: 'run.ai', plural: 'trainingpolicies' },
  { group: 'run.ai', plural: 'interactivepolicies' },
  { group: 'run.ai', plural: 'inferencepolicies' },
  { group: 'run.ai', plural: 'deploymentpolicies' },
  { group: 'run.ai', plural: 'distributedpolicies' },
] as const;
