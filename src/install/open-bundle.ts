import { type OpenBundle, openBundle } from '../bundle/open.js';
import type { Payload } from '../bundle/payload.js';
import { requireOk, verifyBundle } from '../bundle/verify.js';
import type { Emit } from '../events.js';
import type { BundleChoice, PlanView } from './types.js';

export interface OpenOptions {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/**
 * Opens a bundle and, for a delta bundle, its base.
 * @throws AirgapError of the bundle (3, 4)
 */
export async function openChosen(choice: BundleChoice, { signal }: OpenOptions): Promise<OpenBundle> {
  const base = choice.base === undefined ? undefined : await openBundle(choice.base, { signal });
  try {
    const bundle = await openBundle(choice.file, {
      signal,
      ...(base === undefined ? {} : { base }),
      ...(choice.trust === undefined ? {} : { trust: choice.trust }),
    });
    return base === undefined ? bundle : { ...bundle, close: () => closeBoth(bundle, base) };
  } catch (error) {
    await base?.close();
    throw error;
  }
}

/** What is to be installed, open. */
export interface OpenPayload {
  readonly payload: Payload;
  /** Checks every byte of a bundle; what was fetched from its sources was checked on the way. */
  readonly verify: () => Promise<void>;
}

/** What a plan says about what it installs. */
export function payloadView(payload: Payload): Pick<PlanView, 'bundle' | 'images'> {
  const { path, bundleId, manifest, upstream } = payload;
  const { product, version } = manifest;
  return { bundle: { file: path, id: bundleId, product, version }, images: upstream ? 'left' : 'carried' };
}

/**
 * Opens a bundle, or has the content of a spec brought here.
 * @throws AirgapError of the bundle (3, 4), or of the sources
 */
export async function openPayload(choice: BundleChoice, options: OpenOptions): Promise<OpenPayload> {
  if (choice.fetch) return { payload: await choice.fetch(), verify: async () => {} };
  const bundle = await openChosen(choice, options);
  return { payload: bundle, verify: () => verifyOpen(bundle, options) };
}

/** Checks every byte of a bundle: nothing is changed before this. @throws AirgapError BUNDLE_CORRUPT, MEDIA_ERROR */
async function verifyOpen(bundle: OpenBundle, { emit, signal }: OpenOptions): Promise<void> {
  emit({ type: 'stage-started', stage: 'verify', title: bundle.path });
  const report = await verifyBundle(bundle, {
    signal,
    onProgress: (done, total) => emit({ type: 'progress', stage: 'verify', done, total, unit: 'bytes' }),
  });
  const outcome = report.ok ? 'ok' : 'failed';
  const { product, version, bundleId, signature } = report;
  const summary = `${product} ${version}, id ${bundleId.slice(0, 12)}, ${signatureWords(signature.state)}`;
  emit({ type: 'stage-ended', stage: 'verify', outcome, summary });
  requireOk(report);
}

function signatureWords(state: OpenBundle['signature']['state']): string {
  switch (state) {
    case 'none':
      return 'not signed: damage is found, forgery is not';
    case 'unchecked':
      return 'signed, and no key is configured to check it with';
    case 'trusted':
      return 'signed by a trusted key';
    case 'allowed':
      return 'not signed, allowed by its id';
  }
}

async function closeBoth(bundle: OpenBundle, base: OpenBundle): Promise<void> {
  await bundle.close();
  await base.close();
}
