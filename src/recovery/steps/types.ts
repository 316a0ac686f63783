import type { Emit } from '../../events.js';
import type { Connection } from '../../kube/client.js';
import type { OpenBackup } from '../archive/open.js';
import type { ExternalServer } from '../external-server.js';

/** What the steps of a restore work with. */
export interface RestoreWork {
  readonly backup: OpenBackup;
  readonly client: Connection;
  readonly random: (size: number) => Buffer;
  readonly emit: Emit;
  /** Takes the safety backup under this name; resolves when it is whole. */
  readonly safetyBackup: (path: string) => Promise<void>;
  /** The control plane's values of the backup: where a password may stand. */
  readonly values: unknown;
  /** The customer's own server, when the database is restored there. */
  readonly external?: ExternalServer;
}
