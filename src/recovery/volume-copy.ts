import { AirgapError, isAirgapError } from '../errors.js';
import type { Emit } from '../events.js';
import type { KubeClient } from '../kube/types.js';
import { printable } from '../redact.js';
import { partPath } from './archive/path.js';
import type { VolumeFacts } from './archive/types.js';
import type { BackupWriter } from './archive/writer.js';
import { demandWhole } from './dump-databases.js';
import { bashCall, execStream } from './exec-stream.js';
import { type HelperPod, withHelper } from './helper-pod.js';
import type { ProductVolume } from './volume-find.js';
import { READ_SCRIPT } from './volume-script.js';

export interface CopyOptions {
  readonly client: Pick<KubeClient, 'exec' | 'create' | 'get' | 'delete'>;
  readonly writer: Pick<BackupWriter, 'addStream'>;
  readonly image: string;
  readonly pullSecrets: readonly string[];
  readonly random: (size: number) => Buffer;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Looks at the volume first. */
  readonly before?: (
    pod: HelperPod,
    call: { readonly client: Pick<KubeClient, 'exec'>; readonly signal: AbortSignal },
  ) => Promise<void>;
}

/** What tar says about a file that was written to while it was read (its exit status is then 1). */
const CHANGED =
  /^tar: (.+): (file changed as we read it|File removed before we read it|File shrank by .*)$/gm;

/**
 * Copies a volume through a pod of ours on the node that has it mounted. A file that changed meanwhile is in the copy
 * as far as it was read, and is named in the manifest.
 * @throws AirgapError BACKUP_FAILED
 */
export async function copyVolume(volume: ProductVolume, options: CopyOptions): Promise<VolumeFacts> {
  const { client, image, pullSecrets, random, signal, writer, emit } = options;
  const { namespace, claim, purpose, node } = volume;
  const what = `volume ${namespace}/${claim}`;
  const part = partPath('volumes', namespace, `${claim}.tar`);
  const request = {
    client,
    namespace,
    purpose: 'read',
    image,
    pullSecrets,
    claim: { name: claim, readOnly: true },
    user: 0,
    random,
    signal,
    ...(node === undefined ? {} : { node }),
  };
  const { taken, result, report } = await withHelper(request, async (pod) => {
    await options.before?.(pod, { client, signal });
    const { command, input } = bashCall({ script: READ_SCRIPT, args: [] });
    return broken(what, () =>
      execStream({ client, target: { ...pod.target, command }, input, signal }, (stdout) =>
        writer.addStream(part, stdout, { role: 'volume-copy', meta: { namespace, claim } }),
      ),
    );
  });
  const changed = [...report.matchAll(CHANGED)].map((match) => printable(match[1] ?? '', 300));
  const onlyChanged = result.exitCode === 1 && changed.length > 0;
  demandWhole(what, {
    taken,
    exitCode: onlyChanged ? 0 : result.exitCode,
    stderr: result.stderr,
    report,
  });
  if (changed.length > 0) {
    const text = `${what}: ${changed.length} files changed while they were read (${changed.slice(0, 3).join(', ')}); they are in the backup as they were then`;
    emit({ type: 'note', level: 'warn', text });
  }
  const number = (name: string): number =>
    Number(new RegExp(`^airgap:${name} (\\d+)$`, 'm').exec(report)?.[1] ?? 0);
  return {
    claim,
    namespace,
    purpose,
    method: 'copy',
    part,
    files: number('files'),
    bytes: number('kilobytes') * 1024,
    ...(changed.length === 0 ? {} : { meta: { changed: changed.slice(0, 1000) } }),
  };
}

async function broken<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isAirgapError(error, 'EXEC_BROKEN')) throw error;
    throw new AirgapError('BACKUP_FAILED', `${what} could not be read to its end`, {
      found: `${error.message}: ${error.found ?? ''}`,
      cause: error,
    });
  }
}
