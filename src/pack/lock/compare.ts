import { AirgapError, type Fault } from '../../errors.js';
import type { Lock } from './types.js';

/** One difference between two locks, in words. */
export interface LockChange {
  readonly what: 'added' | 'removed' | 'changed';
  /** chart runai-backend, image gcr.io/…, crds ./runai-crds.yaml, tool helm. */
  readonly subject: string;
  readonly before?: string;
  readonly after?: string;
}

/** What changed from one lock to the next; empty when nothing did. */
export function compareLocks(before: Lock, after: Lock): LockChange[] {
  const old = factsOf(before);
  const now = factsOf(after);
  const removed = [...old].filter(([subject]) => !now.has(subject));
  return [
    ...[...now].flatMap(([subject, value]): LockChange[] => {
      const earlier = old.get(subject);
      if (earlier === undefined) return [{ what: 'added', subject, after: value }];
      return earlier === value ? [] : [{ what: 'changed', subject, before: earlier, after: value }];
    }),
    ...removed.map(([subject, value]): LockChange => ({ what: 'removed', subject, before: value })),
  ];
}

/** "image gcr.io/run-ai-prod/operator:2.13.66: sha256:3f… -> sha256:a0…" */
export function formatChange(change: LockChange): string {
  if (change.what === 'added') return `${change.subject}: new, ${change.after}`;
  if (change.what === 'removed') return `${change.subject}: gone, was ${change.before}`;
  return `${change.subject}: ${change.before} -> ${change.after}`;
}

/**
 * Refuses to pack anything but what the lock says.
 * @throws AirgapError LOCK_STALE with every difference
 */
export function requireSame(locked: Lock, found: Lock, where: string): void {
  const changes = compareLocks(locked, found);
  if (changes.length === 0) return;
  const faults = changes.map(
    (change): Fault => ({
      where: change.subject,
      what: { added: 'is not in the lock', removed: 'is only in the lock', changed: 'differs from the lock' }[
        change.what
      ],
      ...(change.before === undefined ? {} : { expected: change.before }),
      ...(change.after === undefined ? {} : { found: change.after }),
    }),
  );
  throw new AirgapError('LOCK_STALE', `${where} does not fit the spec`, { faults });
}

/** Every fact of a lock under a name that stays when its value changes. */
function factsOf(lock: Lock): Map<string, string> {
  return new Map<string, string>([
    ['product', lock.product],
    ['version', lock.version],
    ['platforms', lock.platforms.join(', ')],
    ...lock.charts.map((chart): [string, string] => [
      `chart ${chart.release} (${chart.origin})`,
      `${chart.name} ${chart.version} sha256:${chart.sha256}`,
    ]),
    ...lock.crds.map((file): [string, string] => [`crds ${file.origin}`, `sha256:${file.sha256}`]),
    ...lock.tools.map((file): [string, string] => [`tool ${file.origin}`, `sha256:${file.sha256}`]),
    ...lock.images.map((image): [string, string] => [
      `image ${image.source}`,
      `${image.digest}${image.carried ? ` (carried: ${image.carried})` : ''} as ${image.target}`,
    ]),
  ]);
}
