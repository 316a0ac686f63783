import { AirgapError, isAirgapError } from '../errors.js';
import { BACKEND } from '../runai/names.js';
import { effectiveValues, readLiveReleases } from './collect-releases.js';
import { describeAddress, externalDatabase, type ServerAddress } from './database-address.js';
import { oldName } from './database-names.js';
import { type ExternalServer, externalServer } from './external-server.js';
import { pullSecretsIn } from './pull-secrets.js';
import { helperImageOf } from './restore-checks.js';
import type { RestoreOptions } from './restore-types.js';

/**
 * A database outside of the cluster may have outlived what burnt down, and others use that server: it takes a word of
 * its own to restore there. Said before anything is installed.
 * @throws AirgapError DECISION_NEEDED
 */
export function demandWord({
  backup,
  choices,
  externalDatabase: isTold,
}: Pick<RestoreOptions, 'backup' | 'choices' | 'externalDatabase'>): void {
  const address = backup.manifest.meta['externalDatabase'] as ServerAddress | undefined;
  const [dump] = backup.manifest.databases;
  if (!address || !dump || !choices.has('database') || isTold) return;
  throw new AirgapError('DECISION_NEEDED', 'the database of this backup is outside of the cluster', {
    expected:
      '--external-database to restore it there, or --skip database to go on with what that server has',
    found: `${dump.name} at ${describeAddress(address)}`,
    hint: `with --external-database the dump is restored beside it and takes its name; what is there stays as ${oldName(dump.name)}`,
  });
}

/** A server that a restore puts the database on. */
export interface ExternalRestore {
  readonly server: ExternalServer;
  readonly address: ServerAddress;
  /** The product runs on it. */
  readonly inUse: boolean;
}

/**
 * The server that a restore puts the database on; undefined when it is in the cluster, or left alone.
 * @param values of the control plane as it will be
 */
export async function openExternalServer(
  options: RestoreOptions,
  values: unknown,
): Promise<ExternalRestore | undefined> {
  const { backup, installer, choices, random, externalDatabase: isTold } = options;
  const address = externalDatabase(values);
  if (!address || !isTold || !choices.has('database') || backup.manifest.databases.length === 0)
    return undefined;
  const live = await liveValues(options);
  demandSameServer(address, live);
  const image = helperImageOf(options);
  if (image === undefined) {
    throw new AirgapError('RESTORE_REFUSED', 'there is no image for the pod that reaches the database', {
      expected: 'a bundle with the product’s PostgreSQL image, and a registry',
      hint: 'name one with PostgreSQL’s programs and bash that the nodes can pull: --helper-image REF',
    });
  }
  const { client } = installer;
  const pullSecrets = (by: AbortSignal) => pullSecretsIn(client, BACKEND.namespace, by);
  const inUse = live !== undefined;
  const server = externalServer({ backup, client, values, image, pullSecrets, inUse, random });
  return { server, address, inUse };
}

/** Values of what runs; undefined when nothing does. */
async function liveValues({ installer, signal }: RestoreOptions): Promise<unknown> {
  const releases = await readLiveReleases(installer.client, { signal });
  const backend = releases.find(({ release }) => release.name === BACKEND.release);
  return backend && effectiveValues(backend.release);
}

/** @throws AirgapError RESTORE_REFUSED when what runs works with another server than the one that was saved */
function demandSameServer(saved: ServerAddress, live: unknown): void {
  if (live === undefined) return;
  const now = externalDatabase(live);
  const [one, other] = [saved, now].map((each) => each && `${each.database} at ${describeAddress(each)}`);
  if (one === other) return;
  throw new AirgapError('RESTORE_REFUSED', 'the product here works with another database server', {
    expected: one ?? '',
    found: other ?? 'a database inside of the cluster',
    hint: 'restore without it: --skip database; its administrator puts the dump where it belongs',
  });
}

/** What runs shows whether the login suffices, before the plan; else a step looks, once there is an image to run. */
export async function lookAhead(
  { server, inUse }: ExternalRestore,
  { emit, mode, signal }: RestoreOptions,
): Promise<void> {
  if (!inUse || mode === 'dry-run') return;
  try {
    await server.demand(signal);
  } catch (error) {
    if (!isAirgapError(error, 'RESTORE_FAILED')) throw error;
    const found = error.found === undefined ? '' : `: ${error.found}`;
    const text = `the database’s server could not be asked yet (${error.message}${found}); a step of the plan asks it again`;
    emit({ type: 'note', level: 'warn', text });
  } finally {
    await server.close();
  }
}
