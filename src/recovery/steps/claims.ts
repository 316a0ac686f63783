import { AirgapError } from '../../errors.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { asNewClaim, parseList } from '../objects.js';
import { textAt } from '../value-at.js';
import type { RestoreWork } from './types.js';

interface ClaimName {
  readonly namespace: string;
  readonly claim: string;
}

/** The claim as it was. @throws AirgapError RESTORE_FAILED when the backup does not hold it */
export async function savedClaim(
  { backup }: Pick<RestoreWork, 'backup'>,
  { namespace, claim }: ClaimName,
): Promise<KubeObject> {
  const part = backup.manifest.parts.find(({ role }) => role === 'claims');
  const claims = part ? parseList((await backup.read(part.path)).toString('utf8')) : [];
  const found = claims.find(({ metadata }) => metadata.name === claim && metadata.namespace === namespace);
  if (found) return { ...found, apiVersion: 'v1', kind: 'PersistentVolumeClaim' };
  throw new AirgapError(
    'RESTORE_FAILED',
    `the backup does not say what claim ${namespace}/${claim} was like`,
    {
      expected: 'a backup with the part storage',
      hint: `make the claim by hand, then the same command again: kubectl -n ${namespace} create -f claim.yaml`,
    },
  );
}

/** The claim for a fresh volume: of the same size, and of the same class where the cluster has it. */
export async function freshClaim(
  work: Pick<RestoreWork, 'backup' | 'client'>,
  name: ClaimName,
  signal: AbortSignal,
): Promise<KubeObject> {
  const fresh = asNewClaim(await savedClaim(work, name));
  const wanted = textAt(fresh, ['spec', 'storageClassName']);
  if (wanted === undefined) return fresh;
  if (await work.client.get(RESOURCES.storageClasses, { name: wanted }, { signal })) return fresh;
  const { storageClassName: _missing, ...spec } = fresh['spec'] as Record<string, unknown>;
  return { ...fresh, spec };
}
