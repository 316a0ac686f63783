import { X509Certificate } from 'node:crypto';
import type { KubeObject } from '../kube/types.js';
import type { Rewrite } from './rewrite.js';
import { textAt, valueAt } from './value-at.js';

/** What becomes of a saved secret at a site with another domain or registry. */
export interface SecretChoice {
  /** `namespace/name` */
  readonly secret: string;
  readonly put: 'back' | 'left';
  /** In words, without anything of its content but names. */
  readonly why: string;
}

/**
 * Looks at certificates and logins: one that is of no use under the new names is left where the target has its own,
 * a login for another registry always. Secrets without a word are put back as they were. Pure.
 * @param present `namespace/name` of secrets that the target has
 */
export function chooseSecrets(
  saved: readonly KubeObject[],
  { domain, registry }: Rewrite,
  present: ReadonlySet<string>,
): SecretChoice[] {
  return saved.flatMap((object): SecretChoice[] => {
    const secret = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
    const has = present.has(secret);
    if (domain && isOnlyFor(object, domain)) {
      const why = `its certificate is for ${domain.from}, not for ${domain.to}`;
      return has
        ? [{ secret, put: 'left', why: `the one that is there stays: the saved one’s ${why.slice(4)}` }]
        : [{ secret, put: 'back', why: `is put back, but ${why}: give it another one` }];
    }
    const hosts = registry ? loginHosts(object) : [];
    if (!registry || hosts.length === 0) return [];
    const host = hostOf(registry.to);
    if (hosts.some((each) => hostOf(each) === host)) return [];
    if (!hosts.some((each) => hostOf(each) === hostOf(registry.from))) return [];
    return [{ secret, put: 'left', why: `is not put back: it is a login for ${hosts.join(', ')}` }];
  });
}

/** True for a certificate of the old name that does not hold for the new one. */
function isOnlyFor(
  object: KubeObject,
  { from, to }: { readonly from: string; readonly to: string },
): boolean {
  const pem = decoded(object, 'tls.crt');
  if (pem === undefined) return false;
  try {
    const certificate = new X509Certificate(pem);
    const covers = (name: string): boolean =>
      certificate.checkHost(name) !== undefined || certificate.checkHost(`any.${name}`) !== undefined;
    return covers(from) && !covers(to);
  } catch {
    return false;
  }
}

/** Hosts of a login as docker writes it. */
function loginHosts(object: KubeObject): string[] {
  const text = decoded(object, '.dockerconfigjson');
  if (text === undefined) return [];
  try {
    const auths = valueAt(JSON.parse(text), ['auths']);
    return typeof auths === 'object' && auths !== null ? Object.keys(auths) : [];
  } catch {
    return [];
  }
}

function decoded(object: KubeObject, key: string): string | undefined {
  const text = textAt(object, ['data', key]);
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}

function hostOf(address: string): string {
  return (address.replace(/^https?:\/\//, '').split('/')[0] ?? '').toLowerCase();
}
