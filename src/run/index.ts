/**
 * The engine that install, rollback and restore share. A command opens a session (host lock, lease, the unfinished
 * run or a new one), executes its plan, and closes it; `readStatuses` answers without the cluster.
 */
export { canonicalJson, digestOf } from './canonical.js';
export { type Boundary, type ExecuteOptions, execute, type RunResult, type StepOutcome } from './engine.js';
export { acquireHostLock, type HostLock } from './host-lock.js';
export { checkResumption, formatRunId, type RunIdentity, TOOL_SCHEMA } from './identity.js';
export { type Journal, openJournal, readJournal } from './journal.js';
export {
  acquireLease,
  type Clock,
  LEASE_NAME,
  LEASE_SECONDS,
  type Lease,
  type LeaseApi,
  type LeaseBody,
  type LeaseRecord,
} from './lease.js';
export { formatMirror, type MirrorApi, parseMirror } from './mirror.js';
export { locksFolder, runsFolder, stateRoot } from './paths.js';
export type { StepProgress, StepState } from './progress.js';
export { openSavedStore, type SavedMirror } from './saved.js';
export { type ClusterSide, openSession, type Session, type SessionOptions } from './session.js';
export { type RunStatus, readStatus, readStatuses, statusOf, type Verdict } from './status.js';
export { createRun, findUnfinished, listRunFolders, readRun, type StoredRun } from './store.js';
export type * from './types.js';
