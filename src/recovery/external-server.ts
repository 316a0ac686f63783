import type { Readable } from 'node:stream';
import { AirgapError, isAirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient } from '../kube/types.js';
import type { OpenBackup } from './archive/open.js';
import { type OpenedExternal, openExternal } from './database-external.js';
import { oldName, sideName } from './database-names.js';
import { contentOf } from './dump-report.js';
import { execInto, lastWords } from './exec-stream.js';
import {
  demandRights,
  parseDumpRoles,
  parseRights,
  type RestoreNeeds,
  rolesOf,
  type ServerRights,
} from './external-rights.js';
import { DUMP_ROLES_SCRIPT, RIGHTS_SCRIPT } from './external-script.js';
import { call, runSql, type Server } from './restore-database.js';
import { savedSettings } from './saved-settings.js';
import { textAt } from './value-at.js';

export interface ExternalServerOptions {
  readonly backup: OpenBackup;
  readonly client: Pick<KubeClient, 'get' | 'list' | 'exec' | 'create' | 'delete'>;
  /** Values of the control plane that name the server. */
  readonly values: unknown;
  /** Image with PostgreSQL's client programs and bash. */
  readonly image: string;
  /** Secrets with which it is pulled, as they are by then. */
  readonly pullSecrets: (signal: AbortSignal) => Promise<readonly string[]>;
  /** Whether the product runs on it. */
  readonly inUse: boolean;
  readonly random: (size: number) => Buffer;
}

/** The customer's own server during a restore: reached from a pod of ours that is there while it is needed. */
export interface ExternalServer {
  /** @throws AirgapError RESTORE_FAILED when it cannot be reached or no login is let in */
  server(signal: AbortSignal): Promise<Server>;
  /** What a database of the backup needs there, and what the login may do. */
  rights(database: string, signal: AbortSignal): Promise<{ needs: RestoreNeeds; rights: ServerRights }>;
  /** @throws AirgapError RESTORE_REFUSED with all that is missing for the databases of the backup */
  demand(signal: AbortSignal): Promise<void>;
  /** Removes the pod; the next use starts another one. */
  close(): Promise<void>;
}

/** Databases that are on every server: one of them must let the login in. */
const ENTRIES = ['postgres', 'template1'];

export function externalServer(options: ExternalServerOptions): ExternalServer {
  const { backup, client } = options;
  let opened: OpenedExternal | undefined;
  // To learn them the dump goes to the pod: once a run, they do not change.
  const needsFound = new Map<string, RestoreNeeds>();
  const close = async (): Promise<void> => {
    const last = opened;
    opened = undefined;
    await last?.close();
  };
  const server = async (signal: AbortSignal): Promise<Server> => {
    if (opened && !(await runs(client, opened, signal))) await close();
    opened ??= await open(options, signal);
    const { target, address, user, password } = opened.database;
    return { client, target, address, user, password, from: opened.entry, signal };
  };
  const rights: ExternalServer['rights'] = async (database, signal) => {
    const place = await server(signal);
    const needs = needsFound.get(database) ?? (await needsOf(options, place, database));
    needsFound.set(database, needs);
    const asked = {
      database,
      side: sideName(database),
      old: oldName(database),
      roles: [...new Set([...rolesOf(needs), needs.owner])],
      extensions: needs.extensions,
    };
    return { needs, rights: parseRights(await runSql(place, RIGHTS_SCRIPT, [JSON.stringify(asked)])) };
  };
  return {
    server,
    rights,
    close,
    demand: async (signal) => {
      for (const { name } of backup.manifest.databases) {
        const found = await rights(name, signal);
        const { address } = await server(signal);
        if (address) demandRights(address, found.needs, found.rights);
      }
    },
  };
}

async function open(options: ExternalServerOptions, signal: AbortSignal): Promise<OpenedExternal> {
  const { client, values, image, pullSecrets, random } = options;
  try {
    const secrets = await pullSecrets(signal);
    return await openExternal({
      ...{ client, values, image, pullSecrets: secrets, random, signal },
      purpose: 'restore',
      entries: ENTRIES,
    });
  } catch (error) {
    if (!isAirgapError(error, 'BACKUP_FAILED')) throw error;
    throw new AirgapError('RESTORE_FAILED', error.message, {
      ...(error.expected === undefined ? {} : { expected: error.expected }),
      ...(error.found === undefined ? {} : { found: error.found }),
      hint: 'nothing of the database was touched; mend that and run the same command again, or leave the database as it is: --skip database',
      cause: error,
    });
  }
}

async function runs(
  client: ExternalServerOptions['client'],
  { database: { target } }: OpenedExternal,
  signal: AbortSignal,
): Promise<boolean> {
  const { namespace, pod: name } = target;
  const pod = await client.get(RESOURCES.pods, { namespace, name }, { signal });
  return pod?.metadata.deletionTimestamp === undefined && textAt(pod, ['status', 'phase']) === 'Running';
}

async function needsOf(
  { backup, inUse }: ExternalServerOptions,
  server: Server,
  database: string,
): Promise<RestoreNeeds> {
  const facts = backup.manifest.databases.find(({ name }) => name === database);
  const part = facts && backup.part(facts.part);
  if (!facts || !part) throw new AirgapError('RUN_MISMATCH', `the backup has no database ${database}`);
  const settings = await savedSettings({ backup }, database);
  const roles = await dumpRoles(server, { size: part.size, stream: backup.stream(facts.part) });
  const granted = settings?.grants.map(({ grantee }) => grantee) ?? [];
  const settingRoles = settings?.settings.map(({ role }) => role).filter((role) => role !== '') ?? [];
  const content = contentOf(facts.tables, facts.meta);
  return {
    database,
    owner: content?.owner ?? '',
    owners: roles.owners,
    others: [...roles.others, ...granted.filter((name) => name !== '')],
    settingRoles: [...new Set(settingRoles)],
    extensions: content?.extensions.map(({ name }) => name) ?? [],
    inUse,
  };
}

async function dumpRoles(
  server: Server,
  { size, stream }: { readonly size: number; readonly stream: Readable },
): Promise<Pick<RestoreNeeds, 'owners' | 'others'>> {
  const { exitCode, report, stdout } = await execInto(
    call(server, DUMP_ROLES_SCRIPT, [String(size)]),
    stream,
    () => {},
  );
  if (exitCode === 0) return parseDumpRoles(stdout);
  throw new AirgapError('RESTORE_FAILED', 'the table of contents of the dump cannot be read', {
    found: `exit ${exitCode}: ${lastWords(report)}`,
  });
}
