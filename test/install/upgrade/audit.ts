import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A deletion that the API server carried out. */
export interface Deletion {
  /** `airgap`, `helm`, `kubectl`. */
  readonly by: string;
  /** `secrets runai-backend/runai-backend-postgresql` */
  readonly object: string;
  /** The UID that the caller asked for; absent when it did not say. */
  readonly uid?: string;
}

interface Event {
  readonly verb: string;
  readonly userAgent?: string;
  readonly requestURI: string;
  readonly objectRef?: { readonly resource?: string; readonly namespace?: string; readonly name?: string };
  readonly requestObject?: { readonly preconditions?: { readonly uid?: string } };
  readonly responseStatus?: { readonly code?: number };
}

/** The API server's own account of what administrators changed. */
export interface Audit {
  /** A place in the log, to read on from. */
  mark(): number;
  /** Deletions since a place that were not dry runs and not refused. */
  deletionsSince(mark: number): Deletion[];
}

/** @param nodeFolder the node's state folder */
export function auditOf(nodeFolder: string): Audit {
  const file = join(nodeFolder, 'logs', 'audit.log');
  return {
    mark: () => (existsSync(file) ? statSync(file).size : 0),
    deletionsSince: (mark) =>
      readFileSync(file)
        .subarray(mark)
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Event)
        .filter(isDeletion)
        .map(deletionOf),
  };
}

/** What a run deleted, as a sorted list that two runs can be compared by. */
export function summary(deletions: readonly Deletion[]): string[] {
  return deletions.map(({ by, object }) => `${by}: ${object}`).sort();
}

function isDeletion({ verb, requestURI, responseStatus }: Event): boolean {
  if (verb !== 'delete' && verb !== 'deletecollection') return false;
  return !requestURI.includes('dryRun=') && (responseStatus?.code ?? 500) < 300;
}

function deletionOf({ userAgent = '', objectRef = {}, requestObject }: Event): Deletion {
  const { resource, namespace, name } = objectRef;
  const uid = requestObject?.preconditions?.uid;
  return {
    by: userAgent.split('/')[0]?.toLowerCase() ?? '',
    object: `${resource} ${namespace === undefined ? '' : `${namespace}/`}${name ?? '*'}`,
    ...(uid === undefined ? {} : { uid }),
  };
}
