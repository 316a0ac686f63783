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
  /** The safety backup of a run, in its folder. */
  readonly safety: {
    /** The path of one that is whole, if there is one. */
    find(runFolder: string): Promise<string | undefined>;
    /** Takes one, and gives its path when it is whole. */
    take(runFolder: string): Promise<string>;
    /** Claims (NAMESPACE/NAME) of which it holds the content. */
    claims(runFolder: string): Promise<ReadonlySet<string>>;
  };
  /** The control plane's values of the backup: where a password may stand. */
  readonly values: unknown;
  /** Milliseconds since this run began to install the control plane; undefined when it did not. */
  readonly sinceInstall: () => number | undefined;
  /** The customer's own server, when the database is restored there. */
  readonly external?: ExternalServer;
}
