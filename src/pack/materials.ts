import { mapPooled } from '../io/pool.js';
import { loadCharts } from './chart/load.js';
import type { PackedChart } from './chart/types.js';
import { type CrdFile, type JoinedCrds, joinCrds } from './crds.js';
import { type FileOptions, readCrds, readTool, type ToolFile } from './fetch/files.js';
import type { Sources } from './resolve/sources.js';
import type { Spec } from './spec/types.js';

/** Everything of the spec that is no image. */
export interface Materials {
  readonly charts: readonly PackedChart[];
  readonly crdFiles: readonly CrdFile[];
  /** Absent when the spec has no CRDs. */
  readonly crds?: JoinedCrds;
  readonly tools: readonly ToolFile[];
}

/** Brings charts, CRDs and tools. @throws AirgapError with the codes of their sources */
export async function gatherMaterials(
  spec: Spec,
  sources: Sources,
  options: FileOptions,
): Promise<Materials> {
  const charts = await loadCharts(spec.charts, { ...options, registry: sources.registry });
  const within = (signal: AbortSignal): FileOptions => ({ ...options, signal });
  const crdFiles = await mapPooled(
    spec.crds,
    2,
    (file, signal) => readCrds(file, within(signal)),
    options.signal,
  );
  const tools = await mapPooled(
    spec.tools,
    2,
    (tool, signal) => readTool(tool, within(signal)),
    options.signal,
  );
  return { charts, crdFiles, tools, ...(crdFiles.length > 0 ? { crds: joinCrds(crdFiles) } : {}) };
}
