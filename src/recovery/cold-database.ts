import type { KubeClient } from '../kube/types.js';
import { bashCall, execText } from './exec-stream.js';
import type { HelperPod } from './helper-pod.js';

/** Names the data folders of a volume and whether each was left in order. */
export const CLEAN_SCRIPT = `
set -u -o pipefail
export LC_ALL=C
cd /volume || exit 90
found=0
while IFS= read -r -d '' file; do
  found=1 folder=\${file%/PG_VERSION}
  [ ! -e "$folder/postmaster.pid" ] || { echo "$folder has postmaster.pid: the server was killed, or runs" >&2; exit 92; }
done < <(find . -maxdepth 3 -name PG_VERSION -not -path '*/base/*' -print0)
[ "$found" = 1 ] || { echo 'there is no PG_VERSION on the volume' >&2; exit 91; }
`;

/**
 * A cold copy is only as good as the end of the server: it must have stopped by itself.
 * @throws AirgapError BACKUP_FAILED
 */
export async function demandClean(
  { target }: HelperPod,
  { client, signal }: { readonly client: Pick<KubeClient, 'exec'>; readonly signal: AbortSignal },
): Promise<void> {
  const { command, input } = bashCall({ script: CLEAN_SCRIPT, args: [] });
  await execText(
    { client, target: { ...target, command }, input, signal },
    { code: 'BACKUP_FAILED', what: 'the volume does not hold a database that was ended in order' },
  );
}
