import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { ASSET_LABELS, siteSecretsIn } from '../../runai/backup.js';
import { asNew } from './objects.js';
import { savedObjects } from './saved-site.js';
import type { Work } from './types.js';

const SECRET = { apiVersion: 'v1', kind: 'Secret' };
const TYPES = ['kubernetes.io/tls', 'kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg'];

/** Creates those of the saved TLS, CA, pull and user secrets of a namespace that are gone. Never changes one. */
export function restoreSecretsStep({ client }: Pick<Work, 'client'>, namespace: string): StepExecutor {
  const missing = async ({ saved, signal }: StepContext): Promise<KubeObject[]> => {
    const wanted = (await savedObjects(saved, SECRET, namespace)).filter((secret) =>
      isSites(secret, namespace),
    );
    const live = await client.list(RESOURCES.secrets, { namespace, signal, pageSize: 100 });
    const names = new Set(live.map((secret) => secret.metadata.name));
    return wanted.filter((secret) => !names.has(secret.metadata.name));
  };
  return {
    observe: async (context) => {
      const names = (await missing(context)).map((secret) => secret.metadata.name);
      return names.length === 0 ? { state: 'done' } : { state: 'ready', detail: `gone: ${names.join(', ')}` };
    },
    perform: async (context) => {
      for (const secret of await missing(context)) {
        await context.guard();
        await client.create(asNew({ ...secret, ...SECRET }), { signal: context.signal });
      }
    },
  };
}

/** True for secrets that the site's people made, or that pulling and serving need; not for the releases' inner ones. */
export function isSites(secret: KubeObject, namespace: string): boolean {
  const { name, labels = {} } = secret.metadata;
  if (TYPES.includes(String(secret['type']))) return true;
  if (siteSecretsIn(namespace).includes(name)) return true;
  return ASSET_LABELS.some((label) => label in labels);
}
