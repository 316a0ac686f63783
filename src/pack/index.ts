import { resolve } from 'node:path';
import { layoutBundle } from '../bundle/layout.js';
import type { Payload } from '../bundle/payload.js';
import { readBase } from './base.js';
import { formatChange } from './lock/compare.js';
import { holdLock, knownImages, requireLocked, saveLock, settleLock, withImages } from './locking.js';
import type { FetchOptions, ImagesOptions, PackOptions } from './options.js';
import { leaveImages, payloadOf } from './payload.js';
import { draftBundle, lockOf } from './plan.js';
import {
  type ImagesReport,
  imageLine,
  lockedLine,
  type PackReport,
  packedReport,
  planReport,
  selectionReport,
} from './report.js';
import { openSession, withSession } from './session.js';
import { gather, resolveAll, select, sourceDateOf, write } from './stages.js';

/**
 * Packs a spec into one bundle: spec, charts and files, images, digests, lock, plan, file. A broken run goes on
 * where it stopped when it is started again.
 * @throws AirgapError with the code of the stage that fails
 */
export async function pack(options: PackOptions): Promise<PackReport> {
  return withSession(options, async (session) => {
    const { spec } = session;
    const held = await holdLock(options, options.mode);
    const materials = await gather(session, options);
    const selection = await select(session, materials, options);
    if (options.mode === 'locked') requireLocked(held, selection);
    const known = knownImages(held, spec);
    const images = await resolveAll(session, selection, { ...options, known });
    const found = { spec, ...materials, images };
    const lock = lockOf(found);
    const changes = settleLock(held, lock, options.mode);
    const base = options.base
      ? await readBase(resolve(options.cwd, options.base), options.signal)
      : undefined;
    const findings = { ...found, sourceDate: sourceDateOf(session, options), ...(base ? { base } : {}) };
    const layout = layoutBundle(draftBundle(findings));
    const output = resolve(options.cwd, options.output);
    const plan = planReport({ findings, selection, layout, lock: { path: held.path, changes } }, output);
    if (options.dryRun) return plan;
    await saveLock(held, lock);
    return packedReport(plan, await write({ findings, layout, output }, options));
  });
}

/** Lists the images that a spec stands for and why; with `update`, asks the registries and writes the lock. */
export async function listImages(options: ImagesOptions): Promise<ImagesReport> {
  return withSession(options, async (session) => {
    const { spec } = session;
    const held = await holdLock(options, 'refresh');
    const materials = await gather(session, options);
    const selection = await select(session, materials, options);
    const known = knownImages(held, spec);
    const found = selectionReport(selection);
    if (!options.update) {
      const images = selection.wanted.map((image) => lockedLine(image, known.get(image.source)));
      return { images, ...found, lock: { path: held.path, changes: [], written: false } };
    }
    const images = await resolveAll(session, selection, { ...options, mode: 'refresh', known });
    const lock = lockOf({ spec, ...materials, images });
    const changes = settleLock(held, lock, 'refresh');
    await saveLock(held, lock);
    return { images: images.map(imageLine), ...found, lock: { path: held.path, changes, written: true } };
  });
}

/**
 * Brings what a connected site installs from: charts, CRDs and tools, and what the names of the images stand for. No
 * image is fetched, no lock written. What was brought is removed by the payload's close.
 * @throws AirgapError with the code of the stage that fails
 */
export async function fetchPayload(options: FetchOptions): Promise<Payload> {
  const session = await openSession(options);
  try {
    const { spec } = session;
    const held = await holdLock(options, options.mode);
    const materials = await gather(session, options);
    const selection = await select(session, materials, { ...options, images: 'left' });
    const left = leaveImages(selection);
    for (const text of left.warnings) options.emit({ type: 'note', level: 'warn', text });
    const kept = withImages(held, left.wanted);
    if (options.mode === 'locked') requireLocked(kept, { ...selection, wanted: left.wanted });
    // Nodes pull by tag: what a tag stands for now decides, also where the lock is to be kept to.
    const images = await resolveAll(
      session,
      { ...selection, wanted: left.wanted },
      { ...options, mode: 'refresh', known: knownImages(kept, spec) },
    );
    const found = { spec, ...materials, images };
    for (const change of settleLock(kept, lockOf(found), options.mode)) {
      const text = `not as the lock has it: ${formatChange(change)}`;
      options.emit({ type: 'note', level: 'warn', text });
    }
    const findings = { ...found, sourceDate: sourceDateOf(session, options) };
    return { ...payloadOf(findings, spec.file), close: () => session.close() };
  } catch (error) {
    await session.close();
    throw error;
  }
}
