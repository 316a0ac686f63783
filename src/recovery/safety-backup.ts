import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError, isAirgapError } from '../errors.js';
import { generateIdentity, parseIdentityFile, writeIdentityFile } from './archive/age/keys.js';
import { openBackup } from './archive/open.js';
import { createBackup } from './create.js';
import { CHOICES } from './create-types.js';
import { heldClaims } from './held-parts.js';
import { labelling, removeHelpersOf } from './left-helpers.js';
import { markVerified } from './mark-verified.js';
import { readMark } from './marks.js';
import type { RestoreOptions } from './restore-types.js';
import { requireBackupOk, verifyBackupFile } from './verify.js';

/** Names of the keys beside it. */
export const SAFETY_KEY = /^before-restore-[0-9a-f]+\.key$/;
const SAFETY_BACKUP = /^before-restore(?:-(\d+))?\.backup$/;

/** The safety backups among the names of a run's folder, the newest last: it follows those that were found broken. */
export function safetyBackupsIn(names: readonly string[]): string[] {
  const numberOf = (name: string): number => Number(SAFETY_BACKUP.exec(name)?.[1] ?? 1);
  return names.filter((name) => SAFETY_BACKUP.test(name)).sort((a, b) => numberOf(a) - numberOf(b));
}

/** A name that no earlier attempt used: a backup is never overwritten. */
export async function freeSafetyPath(folder: string): Promise<string> {
  const last = safetyBackupsIn(await readdir(folder).catch(() => [])).at(-1);
  const number = last === undefined ? 1 : Number(SAFETY_BACKUP.exec(last)?.[1] ?? 1) + 1;
  return join(folder, `before-restore${number === 1 ? '' : `-${number}`}.backup`);
}

/**
 * The whole safety backup of a run. A process that was killed between giving the file its name and marking it left it
 * without a mark: then all of it is read, with the keys beside it.
 * @returns undefined when there is none, or none that is whole
 */
export async function findSafetyBackup(
  folder: string,
  { env, clock, emit, signal }: Pick<RestoreOptions, 'env' | 'clock' | 'emit' | 'signal'>,
): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  for (const name of safetyBackupsIn(names)) {
    const path = join(folder, name);
    if (await readMark(path)) return path;
    try {
      const identities = await identitiesIn(folder, names);
      const report = await verifyBackupFile(path, { identities, env, signal });
      requireBackupOk(report);
      await markVerified(path, report, { now: clock.now(), emit });
      return path;
    } catch (error) {
      signal.throwIfAborted();
      if (!isAirgapError(error)) throw error;
      const text = `${path} does not count as the safety backup, and stays: ${error.message}`;
      emit({ type: 'note', level: 'warn', text });
    }
  }
  return undefined;
}

/**
 * The claims whose content the safety backup of a run holds; none when there is no whole one.
 * @throws AirgapError BACKUP_KEY when its key is not beside it any more
 */
export async function claimsInSafety(
  folder: string,
  options: Pick<RestoreOptions, 'env' | 'clock' | 'emit' | 'signal'>,
): Promise<ReadonlySet<string>> {
  const path = await findSafetyBackup(folder, options);
  if (path === undefined) return new Set();
  const identities = await identitiesIn(folder, await readdir(folder));
  const backup = await openBackup(path, { identities, signal: options.signal }).catch((cause: unknown) => {
    if (!isAirgapError(cause, 'BACKUP_KEY')) throw cause;
    throw new AirgapError('BACKUP_KEY', `whether ${path} holds what is to be replaced cannot be seen`, {
      expected: 'its key, before-restore-….key, beside it',
      found: `${identities.length} keys there, none of which opens it`,
      hint: 'put its key back into that folder, then give the same command again',
      cause,
    });
  });
  try {
    return heldClaims(backup.manifest);
  } finally {
    await backup.close();
  }
}

/** A key that was being written when its process was killed opens nothing. */
async function identitiesIn(folder: string, names: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const name of names.filter((each) => SAFETY_KEY.test(each))) {
    const text = await readFile(join(folder, name), 'utf8');
    try {
      found.push(...parseIdentityFile(text, name));
    } catch (error) {
      if (!isAirgapError(error, 'BACKUP_KEY')) throw error;
    }
  }
  return found;
}

/** A backup of what is there, for a key of its own beside it; pods of an attempt that was killed go. Gives its path. */
export async function takeSafetyBackup(
  { folder, runId }: { readonly folder: string; readonly runId: string },
  options: RestoreOptions,
): Promise<string> {
  const { clock, random, emit, installer, signal } = options;
  await removeHelpersOf(installer.client, runId, signal);
  const identity = generateIdentity();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = await freeSafetyPath(folder);
  const keyFile = join(folder, `before-restore-${random(4).toString('hex')}.key`);
  await writeIdentityFile(keyFile, identity, new Date(clock.now()).toISOString());
  await createBackup({
    client: labelling(installer.client, runId),
    output: path,
    encryption: { kind: 'recipients', recipients: [identity.recipient], identity: identity.secret },
    choices: new Set(CHOICES),
    toolVersion: options.toolVersion,
    ...(options.helperImage === undefined ? {} : { helperImage: options.helperImage }),
    env: options.env,
    now: clock.now,
    random,
    emit,
    signal,
  });
  const text = `what was there is saved in ${path}, its key in ${keyFile}`;
  emit({ type: 'note', level: 'warn', text });
  return path;
}
