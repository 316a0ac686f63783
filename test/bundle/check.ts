import { type OpenOptions, openBundleSource } from '../../src/bundle/open.js';
import { memorySource } from '../../src/bundle/source.js';
import { verifyBundle } from '../../src/bundle/verify.js';
import type { Fault } from '../../src/errors.js';
import { isAirgapError } from '../../src/errors.js';

/** What became of bytes that were given as a bundle. */
export interface Verdict {
  readonly ok: boolean;
  /** Exit status that `airgap verify` would end with. */
  readonly exit: number;
  readonly code: string;
  readonly text: string;
  readonly faults: readonly Fault[];
}

/** Opens and verifies bytes in memory the way `airgap verify` does with a file. */
export async function judge(bytes: Buffer, options: OpenOptions = {}): Promise<Verdict> {
  const faults: Fault[] = [];
  try {
    const bundle = await openBundleSource(memorySource(bytes), {
      ...options,
      onFault: (fault) => faults.push(fault),
    });
    const report = await verifyBundle(bundle);
    const all = [...faults, ...report.faults];
    if (all.length === 0) return { ok: true, exit: 0, code: 'OK', text: '', faults: [] };
    const text = all.map(({ where, what }) => `${where} ${what}`).join('\n');
    return { ok: false, exit: 4, code: 'BUNDLE_CORRUPT', text, faults: all };
  } catch (error) {
    if (!isAirgapError(error)) throw error;
    const { code, exitStatus: exit, message } = error;
    const text = [message, error.found, ...error.faults.map(({ where, what }) => `${where} ${what}`)].join(
      '\n',
    );
    return { ok: false, exit, code, text, faults: error.faults };
  }
}
