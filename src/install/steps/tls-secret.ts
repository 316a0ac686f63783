import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KubeObject } from '../../kube/types.js';
import type { SavedStore, StepExecutor } from '../../run/types.js';
import { BACKEND, type ObjectRef } from '../../runai/names.js';
import { valueAt } from '../values.js';
import { findObject } from './objects.js';
import { savedValues } from './saved-site.js';
import type { Work } from './types.js';

interface Pair {
  readonly key: string;
  readonly crt: string;
}

/** Makes the TLS secret that newer charts want out of the certificate that older ones had in their values. */
export function tlsSecretStep({ client }: Pick<Work, 'client'>, secret: ObjectRef): StepExecutor {
  return {
    observe: async ({ saved, signal }) => {
      const live = (await findObject(client, secret, signal))?.object;
      if (live !== undefined) {
        const problem = problemOf(pairIn(live));
        if (problem === undefined) return { state: 'done' };
        return { state: 'impossible', detail: `secret ${secret.name} is there, but ${problem}` };
      }
      const problem = problemOf(await pairInValues(saved));
      if (problem === undefined) return { state: 'ready' };
      return {
        state: 'impossible',
        detail: `${problem} in the values (backend.https.key and backend.https.crt); create secret ${secret.name} by hand`,
      };
    },
    perform: async (context) => {
      const pair = await pairInValues(context.saved);
      if (pair === undefined) return;
      await context.guard();
      const { apiVersion, kind, name, namespace } = secret;
      const body = {
        apiVersion,
        kind,
        metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': pair.crt, 'tls.key': pair.key },
      };
      await client.create(body, { signal: context.signal });
    },
  };
}

async function pairInValues(saved: SavedStore): Promise<Pair | undefined> {
  const values = await savedValues(saved, BACKEND.release);
  const key = valueAt(values, ['backend', 'https', 'key']);
  const crt = valueAt(values, ['backend', 'https', 'crt']);
  return typeof key === 'string' && typeof crt === 'string' && key !== '' && crt !== ''
    ? { key, crt }
    : undefined;
}

function pairIn(secret: KubeObject): Pair | undefined {
  const data = secret['data'] as Readonly<Record<string, string>> | undefined;
  const [key, crt] = [data?.['tls.key'], data?.['tls.crt']];
  if (key === undefined || crt === undefined) return undefined;
  return { key: decode(key), crt: decode(crt) };
}

function decode(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}

/** What is wrong with a key and its certificate, in words without either. */
function problemOf(pair: Pair | undefined): string | undefined {
  if (pair === undefined) return 'there is no key and certificate';
  try {
    const fits = new X509Certificate(pair.crt).checkPrivateKey(createPrivateKey(pair.key));
    return fits ? undefined : 'its key does not fit its certificate';
  } catch {
    return 'its key or certificate cannot be read';
  }
}
