import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { BundleLayout } from './layout.js';
import { type OpenBundle, openBundleSource } from './open.js';
import { findFiles } from './parts.js';
import type { Position } from './positions.js';
import { type ByteSource, openFiles } from './source.js';
import { BLOCK, encodeHeader } from './tar.js';
import type { TargetPlan } from './target.js';

/** An unfinished or older file from which blobs can be taken instead of fetching them. */
export interface Donor {
  /** A copy of an entry by its digest; undefined when this donor does not have it, or not completely. */
  find(sha256: string): Promise<Position | undefined>;
  readonly bundle: OpenBundle;
}

export interface Leftovers {
  /** The partial files are of this very layout: what is complete in them stays where it is. */
  readonly resumes: boolean;
  readonly donors: readonly Donor[];
  close(): Promise<void>;
  /** Removes what was set aside; called when the new file is whole. */
  discard(): Promise<void>;
}

/**
 * Looks at what an earlier pack left. A partial of another layout is set aside as .partial.old, and serves as a donor
 * together with the finished file of that name.
 */
export async function findLeftovers(plan: TargetPlan, layout: BundleLayout): Promise<Leftovers> {
  const partials = await listPartials(plan.output, '.partial');
  const resumes = partials.length > 0 && (await isSameLayout(plan, partials, layout));
  if (!resumes) for (const file of partials) await rename(file, `${file}.old`);
  const aside = await listPartials(plan.output, '.partial.old');
  const finished = await findFiles(plan.output).catch(() => []);
  const donors = (await Promise.all([openDonor(aside), openDonor(finished)])).filter(
    (donor) => donor !== undefined,
  );
  return {
    resumes,
    donors,
    close: async () => {
      await Promise.all(donors.map(({ bundle }) => bundle.close()));
    },
    discard: async () => {
      for (const file of aside) await rm(file, { force: true });
    },
  };
}

/** Whether the header of an entry stands in the file: it is written after the content, so it marks it complete. */
export async function hasHeader(source: ByteSource, position: Position): Promise<boolean> {
  const header = await source.read(position.offset - BLOCK, BLOCK);
  return header.equals(encodeHeader(position));
}

/** OUTPUT.partial, or OUTPUT.001.partial, OUTPUT.002.partial…, in order. */
async function listPartials(output: string, suffix: string): Promise<string[]> {
  const name = basename(output);
  const files = await readdir(dirname(output)).catch(() => []);
  return files
    .filter((file) => file.startsWith(name) && file.endsWith(suffix))
    .filter((file) => /^(?:\.\d{3})?$/.test(file.slice(name.length, file.length - suffix.length)))
    .sort()
    .map((file) => join(dirname(output), file));
}

async function isSameLayout(
  plan: TargetPlan,
  partials: readonly string[],
  layout: BundleLayout,
): Promise<boolean> {
  const wanted = plan.files.map(({ partial }) => basename(partial)).sort();
  if (wanted.join('/') !== partials.map((file) => basename(file)).join('/')) return false;
  const source = await openFiles(plan.output, partials);
  try {
    if (source.size !== layout.totalSize) return false;
    if (plan.files.some(({ size }, index) => size !== source.pieces[index]?.size)) return false;
    return (await source.read(BLOCK, layout.bytes.length)).equals(layout.bytes);
  } finally {
    await source.close();
  }
}

/** A leftover that cannot be read is no donor, and no reason to stop. */
async function openDonor(files: readonly string[]): Promise<Donor | undefined> {
  if (files.length === 0) return undefined;
  const source = await openFiles(files[0] as string, files).catch(() => undefined);
  if (!source) return undefined;
  try {
    const bundle = await openBundleSource(source, { onFault: () => {} });
    const bySha = new Map(bundle.positions.map((position) => [position.sha256, position]));
    return {
      bundle,
      find: async (sha256) => {
        const position = bySha.get(sha256);
        return position && (await hasHeader(source, position)) ? position : undefined;
      },
    };
  } catch {
    await source.close();
    return undefined;
  }
}
