import { digestOf } from '../run/canonical.js';
import type { BackupChoice } from './backup-types.js';
import type { RegistryFacts } from './site.js';
import type { InstallOptions } from './types.js';
import type { Overrides } from './values-input.js';

/** What an operator said, by name; values as digests only. Resuming needs none of it, but what is given must fit. */
export function givenInputs(
  options: Pick<InstallOptions, 'registry' | 'domain' | 'skipPush' | 'backup'>,
  overrides: Readonly<Record<'control-plane' | 'cluster', Overrides>>,
): Record<string, string> {
  const { address, plainHttp } = options.registry;
  return {
    ...(address === undefined ? {} : { registry: address.replace(/\/+$/, '') }),
    ...(plainHttp === undefined ? {} : { 'plain-http': String(plainHttp) }),
    ...(options.domain === undefined ? {} : { domain: options.domain }),
    ...(options.skipPush ? { 'skip-push': 'true' } : {}),
    ...backupInput(options.backup?.choice),
    ...overrideInput('backend-values', overrides['control-plane']),
    ...overrideInput('cluster-values', overrides.cluster),
  };
}

/** The inputs of a new run: with the registry that was found, so that the next run knows it. */
export function effectiveInputs(
  given: Readonly<Record<string, string>>,
  registry: RegistryFacts | undefined,
): Record<string, string> {
  if (registry === undefined) return { ...given };
  return { ...given, registry: registry.address.text, 'plain-http': String(registry.plainHttp) };
}

function backupInput(choice: BackupChoice | undefined): Record<string, string> {
  switch (choice?.kind) {
    case 'none':
      return { 'no-backup': 'true' };
    case 'use':
      return { backup: choice.file };
    case 'take':
      return choice.folder === undefined ? {} : { 'backup-dir': choice.folder };
    default:
      return {};
  }
}

function overrideInput(name: string, overrides: Overrides): Record<string, string> {
  const empty = Object.keys(overrides.values).length === 0 && overrides.settings.length === 0;
  return empty ? {} : { [name]: `sha256:${digestOf(overrides)}` };
}
