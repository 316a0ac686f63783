import type { Crd } from './crd-file.js';
import { RESOURCES } from './resources.js';
import type { KubeClient, ReadOptions, Resource } from './types.js';

/** A custom resource as it is stored; as it is served when the stored version is not. Undefined without a definition. */
export async function storedResource(
  client: Pick<KubeClient, 'get'>,
  { group, plural }: { readonly group: string; readonly plural: string },
  read: ReadOptions,
): Promise<Resource | undefined> {
  const crd = await client.get<Crd>(RESOURCES.crds, { name: `${plural}.${group}` }, read);
  const served = (crd?.spec?.versions ?? []).filter((version) => version.served === true);
  const version = served.find(({ storage }) => storage === true) ?? served.at(-1);
  if (crd === undefined || version === undefined) return undefined;
  const namespaced = crd.spec.scope === 'Namespaced';
  return { apiVersion: `${group}/${version.name}`, kind: crd.spec.names.kind, plural, namespaced };
}
