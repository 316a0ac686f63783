import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeObject } from '../kube/types.js';
import type { OpenBackup } from './archive/open.js';
import { nameObject, parseList } from './objects.js';
import type { RestoreOptions } from './restore-types.js';
import { type PlannedValues, savedValues } from './restore-values.js';
import { type Rewrite, rewriteTexts } from './rewrite.js';
import { chooseSecrets } from './secrets-left.js';
import { textAt } from './value-at.js';

/** Roles of parts whose objects name the site. */
const NAMING = ['custom-resources', 'runaiconfig', 'ingress', 'user-assets'];
const SHOWN = 12;

/** How this site differs from the saved one, and what that means for what is put back. */
export interface SiteChanges {
  /** `namespace/name` of secrets that are not put back. */
  readonly leave: readonly string[];
  /** In words, for the operator: threats 130. */
  readonly lines: readonly string[];
}

/**
 * Another domain or registry than those that were saved.
 * @throws AirgapError DECISION_NEEDED when the domain is another one and nobody said so
 */
export async function findRewrite(options: RestoreOptions): Promise<Rewrite> {
  const { backup, installer, domain, toNewCluster } = options;
  const from = textAt(backup.manifest.meta, ['domain']);
  if (domain !== undefined && from === undefined) {
    throw new AirgapError('RESTORE_REFUSED', 'the backup does not say which domain it is of', {
      expected: 'a backup with a domain, to be written otherwise',
      found: `--domain ${domain}`,
      hint: 'restore without --domain, then change the values with: airgap install BUNDLE --domain NAME',
    });
  }
  const isOther = domain !== undefined && from !== undefined && domain !== from;
  if (isOther && !toNewCluster) {
    throw new AirgapError('DECISION_NEEDED', 'the backup is of another domain', {
      expected: from,
      found: domain,
      hint: 'when this is where it belongs, add --to-new-cluster; --dry-run shows what is written otherwise',
    });
  }
  const old = await savedRegistry(options);
  const now = installer.registry?.text;
  return {
    ...(isOther ? { domain: { from, to: domain } } : {}),
    ...(old !== undefined && now !== undefined && old !== now ? { registry: { from: old, to: now } } : {}),
  };
}

async function savedRegistry({ backup, installer }: RestoreOptions): Promise<string | undefined> {
  for (const chart of installer.bundle.manifest.charts) {
    const found = installer.registryIn(chart, await savedValues(backup, chart.release, 'if-any'));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Reads backup and target, changes nothing. */
export async function describeChanges(
  options: RestoreOptions,
  rewrite: Rewrite,
  releases: readonly PlannedValues[],
): Promise<SiteChanges> {
  const { backup, installer } = options;
  const { domain, registry } = rewrite;
  const { clusterUid } = installer;
  const lines: string[] = [];
  if (backup.manifest.clusterUid !== clusterUid)
    lines.push(`cluster UID: ${backup.manifest.clusterUid} becomes ${clusterUid}`);
  if (domain) lines.push(`URLs: ${domain.from} becomes ${domain.to}`);
  if (registry) lines.push(`images: ${registry.from} becomes ${registry.to}`);
  for (const { chart, rewritten } of releases)
    if (rewritten.length > 0) lines.push(`values of ${chart.release}: ${shown(rewritten)}`);
  for (const object of await savedObjects(backup, NAMING)) {
    const { paths } = rewriteTexts(object, rewrite);
    if (paths.length > 0) lines.push(`${nameObject(object)}: ${shown(paths)}`);
  }
  const choices = await secretChoices(options, rewrite);
  lines.push(...choices.map(({ secret, why }) => `Secret ${secret}: ${why}`));
  lines.push(...(await missingClasses(options)));
  if (domain)
    lines.push(`nothing inside the databases: what the product stored there still names ${domain.from}`);
  return { leave: choices.filter(({ put }) => put === 'left').map(({ secret }) => secret), lines };
}

async function secretChoices({ backup, installer, choices, signal }: RestoreOptions, rewrite: Rewrite) {
  if (!choices.has('secrets')) return [];
  const saved = await savedObjects(backup, ['secrets']);
  const present = new Set<string>();
  for (const { metadata } of Object.keys(rewrite).length === 0 ? [] : saved) {
    const { name, namespace = '' } = metadata;
    if (await installer.client.get(RESOURCES.secrets, { name, namespace }, { signal }))
      present.add(`${namespace}/${name}`);
  }
  return chooseSecrets(saved, rewrite, present);
}

/** Classes of saved claims that this cluster does not have. */
async function missingClasses({ backup, installer, signal }: RestoreOptions): Promise<string[]> {
  const claims = await savedObjects(backup, ['claims']);
  const wanted = new Set(claims.flatMap((claim) => textAt(claim, ['spec', 'storageClassName']) ?? []));
  const lines: string[] = [];
  for (const name of wanted)
    if (!(await installer.client.get(RESOURCES.storageClasses, { name }, { signal })))
      lines.push(`storage class ${name} is not here: claims that a restore makes get the default class`);
  return lines;
}

/** The objects of all parts with these roles. */
export async function savedObjects(backup: OpenBackup, roles: readonly string[]): Promise<KubeObject[]> {
  const objects: KubeObject[] = [];
  for (const part of backup.manifest.parts)
    if (roles.includes(part.role))
      objects.push(...parseList((await backup.read(part.path)).toString('utf8')));
  return objects;
}

function shown(paths: readonly string[]): string {
  const more = paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : '';
  return `${paths.slice(0, SHOWN).join(', ')}${more}`;
}
