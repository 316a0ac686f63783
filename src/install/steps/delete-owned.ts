import { RELEASE_NAME, RELEASE_NAMESPACE } from '../../helm/marks.js';
import type { KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import type { Action } from '../../runai/steps/types.js';
import { ownedName } from '../saved-names.js';
import { deleteSaved, type Found, isAlive, listKind, readFound, saveFound } from './objects.js';
import { savedManifest } from './saved-site.js';
import type { Work } from './types.js';

type Needs = Pick<Work, 'client' | 'limits'>;
type Owned = Extract<Action, { kind: 'delete-owned' }>;

/** Secrets that no upgrade may take: Helm's memory, and tokens that belong to accounts. */
const KEPT_SECRETS = ['helm.sh/release.v1', 'kubernetes.io/service-account-token'];

/** Deletes a release's objects of some kinds; what is not the release's stays and is named. */
export function deleteOwnedStep({ client, limits }: Needs, action: Owned): StepExecutor {
  const { namespace, release, kinds } = action;
  const name = ownedName(release, kinds);
  const list = async ({ saved, signal }: StepContext): Promise<{ owned: Found[]; others: Found[] }> => {
    const rendered = new Set((await savedManifest(saved, release)).map(keyOf));
    const found: Found[] = [];
    for (const kind of kinds) found.push(...(await listKind(client, kind, { namespace, signal })));
    const touchable = found.filter(({ object }) => !isKept(object));
    const owned = touchable.filter(({ object }) => isOwned(object, action, rendered));
    return { owned, others: touchable.filter((one) => !owned.includes(one)) };
  };
  return {
    observe: async (context) => {
      const known = await readFound(context.saved, name);
      if (known === undefined) {
        const { owned } = await list(context);
        return { state: owned.length === 0 ? 'done' : 'ready', detail: `${owned.length} objects` };
      }
      const alive = await Promise.all(known.map((one) => isAlive(client, one, context.signal)));
      const left = alive.filter(Boolean).length;
      return { state: left === 0 ? 'done' : 'ready', detail: `${left} of ${known.length} objects left` };
    },
    save: async (context) => saveFound(context.saved, name, (await list(context)).owned),
    perform: async (context) => {
      for (const { object } of (await list(context)).others) {
        const what = `${object.kind?.toLowerCase()} ${object.metadata.name}`;
        context.emit({ type: 'note', level: 'info', text: `${what} is not the release's and stays` });
      }
      for (const one of (await readFound(context.saved, name)) ?? []) {
        await deleteSaved(client, one, { context, timeout: limits.health });
      }
    },
  };
}

/**
 * True for what the step deletes among the objects of its kinds.
 * @param recorded keys (`keyOf`) of what helm's record of the release has
 */
export function isOwned(
  object: KubeObject,
  action: Pick<Owned, 'release' | 'namespace'>,
  recorded: ReadonlySet<string>,
): boolean {
  return !isKept(object) && (isReleases(object, action) || recorded.has(keyOf(object)));
}

/** What is never deleted by kind, whoever made it. */
export function isKept(object: KubeObject): boolean {
  const { kind, metadata } = object;
  if (kind === 'Secret') return KEPT_SECRETS.includes(String(object['type']));
  if (kind === 'ServiceAccount') return metadata.name === 'default';
  if (kind === 'ConfigMap') return ['kube-root-ca.crt', 'openshift-service-ca.crt'].includes(metadata.name);
  return false;
}

/** Helm's own marks, which it leaves on what it makes since 3.2. */
export function isReleases(
  object: KubeObject,
  { release, namespace }: Pick<Owned, 'release' | 'namespace'>,
): boolean {
  const { annotations = {} } = object.metadata;
  return annotations[RELEASE_NAME] === release && annotations[RELEASE_NAMESPACE] === namespace;
}

/** `Secret keycloak-admin`: what tells objects of one namespace apart. */
export function keyOf(object: KubeObject): string {
  return `${object.kind} ${object.metadata.name}`;
}
