import { mkdtemp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Payload } from '../../bundle/payload.js';
import { isAirgapError } from '../../errors.js';
import type { Helm } from '../../helm/types.js';
import { writeFileAtomic } from '../../io/atomic.js';
import type { Crd } from '../../kube/crd-file.js';
import type { KubeObject } from '../../kube/types.js';
import { parseYamlDocuments, type YamlLimits } from '../../yaml.js';
import type { InstallPlan, PlannedRelease } from '../plan.js';
import { valueAt } from '../values.js';

/** A chart may bring definitions, which are large and deep. */
const LIMITS: YamlLimits = { size: 32 * 1024 * 1024, depth: 200, aliases: 50 };

/** What helm would apply for a release. */
export interface RenderedRelease {
  readonly planned: PlannedRelease;
  readonly objects: readonly KubeObject[];
  /** Objects that helm runs as hooks; those of `helm test` are left out. */
  readonly hooks: readonly KubeObject[];
  /** Bytes of the text, for the size of helm’s record. */
  readonly text: string;
  /** Bytes of the chart’s archive. */
  readonly chartSize: number;
}

export interface RenderNeeds {
  readonly bundle: Payload;
  readonly helm: Helm;
  readonly made: InstallPlan;
  readonly crds: readonly Crd[];
  /** v1.28.3 */
  readonly kubeVersion: string;
  /** group/version of what the cluster serves. */
  readonly apiVersions: readonly string[];
  readonly tmp: string;
  readonly signal: AbortSignal;
}

/**
 * Renders every chart with the values of the plan, in a folder that is gone afterwards.
 * @throws AirgapError HELM_FAILED, HELM_TIMEOUT
 */
export async function renderReleases(needs: RenderNeeds): Promise<RenderedRelease[]> {
  const folder = await mkdtemp(join(needs.tmp, 'airgap-preflight-'));
  try {
    const rendered: RenderedRelease[] = [];
    for (const planned of needs.made.releases) rendered.push(await renderOne(planned, folder, needs));
    return rendered;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function renderOne(
  planned: PlannedRelease,
  folder: string,
  { bundle, helm, crds, kubeVersion, apiVersions, signal }: RenderNeeds,
): Promise<RenderedRelease> {
  const { chart, values, decision } = planned;
  const bytes = await bundle.read(chart.path);
  const path = join(folder, basename(chart.path));
  const valuesFile = join(folder, `${chart.release}.json`);
  await writeFileAtomic(path, bytes, { mode: 0o600 });
  await writeFileAtomic(valuesFile, JSON.stringify(values), { mode: 0o600 });
  const ours = crds.flatMap(({ spec }) =>
    spec.versions
      .filter(({ served }) => served === true)
      .flatMap(({ name }) => [`${spec.group}/${name}`, `${spec.group}/${name}/${spec.names.kind}`]),
  );
  const request = {
    release: chart.release,
    namespace: chart.namespace,
    chart: path,
    valuesFiles: [valuesFile],
    kubeVersion: kubeVersion.replace(/^v/, '').replace(/[-+].*$/, ''),
    apiVersions: [...new Set([...apiVersions, ...ours])],
    isUpgrade: decision.do !== 'install',
  };
  // Helm 4 refuses to look at the cluster while a CRD of the bundle is not there yet; then it renders by itself.
  const text = await helm.template({ ...request, lookups: 'server' }, signal).catch((error: unknown) => {
    if (!isAirgapError(error, 'HELM_FAILED')) throw error;
    return helm.template(request, signal);
  });
  return { planned, ...splitRendered(text, chart), text, chartSize: bytes.length };
}

/** Splits what helm rendered into objects and hooks, each with its namespace. */
export function splitRendered(
  text: string,
  chart: { readonly release: string },
): { readonly objects: KubeObject[]; readonly hooks: KubeObject[] } {
  const all = parseYamlDocuments(text, `rendered ${chart.release}`, LIMITS).flatMap(opened);
  const hookOf = (object: KubeObject): string | undefined => object.metadata.annotations?.['helm.sh/hook'];
  return {
    objects: all.filter((object) => hookOf(object) === undefined),
    hooks: all.filter((object) => hookOf(object) !== undefined && !/\btest\b/.test(hookOf(object) ?? '')),
  };
}

/** The spec of an object’s pods, wherever its kind keeps it. */
export function podSpecOf(object: KubeObject): unknown {
  const own = object.kind === 'Pod' ? object['spec'] : undefined;
  const found = valueAt(podTemplateOf(object), ['spec']) ?? own;
  return Array.isArray(valueAt(found, ['containers'])) ? found : undefined;
}

/** The template that a controller makes pods from. */
export function podTemplateOf(object: KubeObject): unknown {
  const paths = [
    ['spec', 'template'],
    ['spec', 'jobTemplate', 'spec', 'template'],
  ];
  return paths
    .map((path) => valueAt(object, path))
    .find((found) => Array.isArray(valueAt(found, ['spec', 'containers'])));
}

function opened(value: unknown): KubeObject[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const object = value as KubeObject;
  const items = valueAt(value, ['items']);
  if (object.kind?.endsWith('List') && Array.isArray(items)) return items.flatMap(opened);
  return typeof valueAt(value, ['metadata', 'name']) === 'string' ? [object] : [];
}
