import type { Fault } from '../errors.js';
import type { EncryptionKind } from './archive/open.js';
import type { DatabaseFacts, ProductFacts, ReleaseFacts, Skipped, VolumeFacts } from './archive/types.js';
import type { Choice, DatabaseTotals } from './create-types.js';
import type { KeptSnapshot } from './snapshot-expire.js';

/** What became of the check of one database dump. */
export interface StructureCheck {
  /** Logical path of the dump. */
  readonly part: string;
  readonly database: string;
  /**
   * `listed`: read from the first byte to the last, every block of data where its entry says, and pg_restore --list
   * took it. `walked`: the former alone. `header`: a format that is newer than airgap, and no pg_restore that knows it.
   */
  readonly state: 'listed' | 'walked' | 'header' | 'damaged';
  /** For people: how many entries, or why pg_restore did not list it. */
  readonly detail: string;
}

export interface VerifyBackupReport {
  readonly ok: boolean;
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly encryption: EncryptionKind;
  /** SHA-256 of backup.json. */
  readonly backupId: string;
  readonly createdAt: string;
  readonly clusterUid: string;
  readonly parts: number;
  readonly entries: number;
  readonly structure: readonly StructureCheck[];
  /** What each database held, by the manifest. */
  readonly totals: readonly DatabaseTotals[];
  /** Snapshots that hold data of it. */
  readonly snapshots: readonly KeptSnapshot[];
  /** Parts that it can bring back by itself. */
  readonly holds: readonly Choice[];
  readonly faults: readonly Fault[];
}

/** What a backup holds, for people and for JSON. */
export interface InspectBackupReport {
  readonly path: string;
  /** Bytes of the file. */
  readonly size: number;
  readonly encryption: EncryptionKind;
  readonly backupId: string;
  readonly createdAt: string;
  readonly tool: string;
  readonly clusterUid: string;
  /** What the backup knows of its cluster. */
  readonly site: {
    readonly domain?: string;
    readonly kubernetes?: string;
    readonly platform?: string;
  };
  readonly product: ProductFacts;
  readonly releases: readonly ReleaseFacts[];
  readonly databases: readonly InspectedDatabase[];
  /** Databases whose volume was saved instead of a dump. */
  readonly onVolumes: readonly DatabaseTotals[];
  readonly volumes: readonly VolumeFacts[];
  readonly parts: readonly InspectedPart[];
  readonly skipped: readonly Skipped[];
  /** When the file was last found whole on this host, if ever. */
  readonly verifiedAt?: string;
}

export interface InspectedDatabase extends DatabaseFacts {
  /** Bytes of the dump. */
  readonly size: number;
  /** Rows of all tables. */
  readonly rows: number;
}

export interface InspectedPart {
  readonly path: string;
  readonly role: string;
  /** Bytes. */
  readonly size: number;
  /** Entries that it is cut into; 1 for a single entry. */
  readonly chunks: number;
  readonly sha256: string;
}

/** A file of a folder as `list` shows it. */
export interface ListedBackup {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /**
   * `readable`: its end and manifest are right. `locked`: encrypted, and no key that fits was given. `damaged`: it
   * begins as a backup and does not end as one. `unfinished`: left by a run that was killed.
   */
  readonly state: 'readable' | 'locked' | 'damaged' | 'unfinished';
  readonly encryption?: EncryptionKind;
  readonly createdAt?: string;
  readonly clusterUid?: string;
  readonly product?: ProductFacts;
  readonly backupId?: string;
  /** When the file was last found whole on this host. */
  readonly verifiedAt?: string;
  /** Snapshots that hold data of it, where that is known. */
  readonly snapshots?: readonly KeptSnapshot[];
  /** Parts that it can bring back by itself, where that is known. */
  readonly holds?: readonly string[];
  /** What is wrong, or what is needed to see more. */
  readonly detail?: string;
}
