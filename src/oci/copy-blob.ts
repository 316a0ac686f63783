import { AirgapError } from '../errors.js';
import { mapPooled } from '../io/pool.js';
import type { BlobTask } from './copy-plan.js';
import type { Tally } from './copy-tally.js';
import type { CopyOptions } from './copy-types.js';
import type { OpenBlob } from './types.js';

const LOOKUPS = 8;
const MOUNTS = 4;

/**
 * Brings one blob into every repository that needs it: looked up in all of them, sent to one unless some
 * repository has it, mounted into the rest. A mount that is refused becomes an upload of its own.
 */
export async function copyBlob(
  task: BlobTask,
  tally: Tally,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<void> {
  const { descriptor, targets } = task;
  const { to } = options;
  const has = await mapPooled(
    targets,
    LOOKUPS,
    (target) => to.hasBlob(target, descriptor, { signal }),
    signal,
  );
  const missing = targets.filter((_target, index) => !has[index]);
  for (const present of has) if (present) tally.add('present', descriptor.size);
  let holder = targets.find((_target, index) => has[index]);
  if (holder === undefined && missing[0] !== undefined) {
    holder = missing.shift() as string;
    await send(task, holder, tally, options, signal);
  } else {
    tally.spare(descriptor.size, descriptor.digest);
  }
  const from = holder;
  if (from === undefined) return;
  await mapPooled(
    missing,
    MOUNTS,
    async (target) => {
      let grown = false;
      const outcome = await to.putBlob(target, descriptor, opener(task, options), {
        signal,
        from: [from],
        onBytes: (count) => {
          if (!grown) tally.grow(descriptor.size);
          grown = true;
          tally.sentBytes(count, descriptor.digest);
        },
      });
      tally.add(outcome, descriptor.size);
    },
    signal,
  );
}

/** Sends the blob to a repository, whatever the registry says it has, and asks for it afterwards. */
export async function send(
  task: BlobTask,
  target: string,
  tally: Pick<Tally, 'add' | 'sentBytes'> | undefined,
  options: CopyOptions,
  signal: AbortSignal,
): Promise<void> {
  const { descriptor } = task;
  const outcome = await options.to.putBlob(target, descriptor, opener(task, options), {
    signal,
    onBytes: (count) => tally?.sentBytes(count, descriptor.digest),
  });
  tally?.add(outcome, descriptor.size);
  if (await options.to.hasBlob(target, descriptor, { signal })) return;
  throw new AirgapError(
    'REGISTRY_CONTENT',
    `blob ${descriptor.digest} is not in ${target} after it was sent`,
    {
      expected: `${descriptor.size} bytes`,
      found: 'no such blob, or one of another size',
    },
  );
}

function opener(task: BlobTask, options: CopyOptions): OpenBlob {
  return (offset, signal) =>
    options.from.blob(task.sourceRepository, task.descriptor, { offset, ...(signal ? { signal } : {}) });
}
