import { resolve } from 'node:path';
import { layoutBundle } from '../bundle/layout.js';
import { readBase } from './base.js';
import { holdLock, knownImages, requireLocked, saveLock, settleLock } from './locking.js';
import type { ImagesOptions, PackOptions } from './options.js';
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
import { withSession } from './session.js';
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
