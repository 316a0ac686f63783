import * as v from 'valibot';
import { AirgapError } from '../../errors.js';
import { isDigest } from '../../oci/digest.js';
import type { Digest } from '../../oci/types.js';
import { parseYaml } from '../../yaml.js';
import { formatPath } from '../spec/positions.js';
import type { Lock } from './types.js';

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const digest = v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'a digest');
const file = v.object({ origin: v.string(), sha256 });

const schema = v.object({
  apiVersion: v.literal('airgap/v1'),
  kind: v.literal('Lock'),
  product: v.string(),
  version: v.string(),
  platforms: v.array(v.string()),
  charts: v.array(
    v.object({
      role: v.string(),
      release: v.string(),
      name: v.string(),
      version: v.string(),
      origin: v.string(),
      sha256,
    }),
  ),
  crds: v.array(file),
  tools: v.array(file),
  images: v.array(
    v.object({
      source: v.string(),
      target: v.string(),
      digest,
      carried: v.exactOptional(digest),
      platforms: v.array(v.string()),
    }),
  ),
});

/**
 * Reads a lock.
 * @throws AirgapError LOCK_STALE when it is none, YAML_INVALID
 */
export function parseLock(text: string, where: string): Lock {
  const result = v.safeParse(schema, parseYaml(text, where));
  if (result.success) return result.output;
  throw new AirgapError('LOCK_STALE', `${where} is not a lock file`, {
    faults: result.issues.map((issue) => ({
      where: formatPath((issue.path ?? []).map((item) => item.key as string | number)),
      what: issue.message,
    })),
  });
}
