import { releaseNameOf } from '../../helm/marks.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { RenderedRelease } from './rendered.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'owners', title: 'other managers' };
const APPLICATIONS = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application' };
const FLUX = [
  'helm.toolkit.fluxcd.io/v2',
  'helm.toolkit.fluxcd.io/v2beta2',
  'helm.toolkit.fluxcd.io/v2beta1',
];
const MARKS: readonly (readonly [owner: string, mark: RegExp])[] = [
  ['Argo CD', /^argocd\.argoproj\.io\/(instance|tracking-id)$/],
  ['Flux', /^(helm|kustomize)\.toolkit\.fluxcd\.io\/name$/],
  ['OLM', /^(olm\.owner|operators\.coreos\.com\/)/],
];

/** Something that would undo our changes. */
export interface Owner {
  readonly owner: string;
  /** What tells so. */
  readonly by: string;
}

export interface ReleaseNames {
  readonly release: string;
  readonly namespace: string;
  /** Name of the chart. */
  readonly chart: string;
}

export const ownersCheck: Check = {
  row: ROW,
  applies: ({ bundle }) => bundle.manifest.charts.length > 0,
  run: async (context) => [judgeOwners(await readOwners(context))],
};

export async function readOwners(context: CheckContext): Promise<Owner[]> {
  const { client, signal, bundle } = context;
  const releases = bundle.manifest.charts.map(({ release, namespace, name }) => ({
    release,
    namespace,
    chart: name,
  }));
  const applications = await listServed(client, APPLICATIONS, signal);
  const named: Owner[] = applicationsOf(applications, releases);
  for (const apiVersion of FLUX) {
    const found = await listServed(client, { apiVersion, kind: 'HelmRelease' }, signal);
    named.push(...helmReleasesOf(found, releases));
    if (found.length > 0) break;
  }
  return [...named, ...marksOf(await liveObjects(await context.rendered(), context))];
}

/** Applications whose destination is a namespace of ours and whose chart or release is. Pure. */
export function applicationsOf(
  applications: readonly KubeObject[],
  releases: readonly ReleaseNames[],
): Owner[] {
  return applications.flatMap((application) => {
    const namespace = valueAt(application, ['spec', 'destination', 'namespace']);
    const several = valueAt(application, ['spec', 'sources']);
    const sources = [valueAt(application, ['spec', 'source']), ...(Array.isArray(several) ? several : [])];
    const ours = releases.some(
      (one) =>
        one.namespace === namespace &&
        (application.metadata.name === one.release ||
          sources.some(
            (source) =>
              valueAt(source, ['chart']) === one.chart ||
              valueAt(source, ['helm', 'releaseName']) === one.release,
          )),
    );
    return ours ? [{ owner: 'Argo CD', by: `application ${nameOf(application)}` }] : [];
  });
}

/** HelmReleases that end up as a release of ours. Pure. */
export function helmReleasesOf(found: readonly KubeObject[], releases: readonly ReleaseNames[]): Owner[] {
  return found.flatMap((one) => {
    const target = valueAt(one, ['spec', 'targetNamespace']);
    const namespace = target ?? one.metadata.namespace;
    const given = valueAt(one, ['spec', 'releaseName']);
    const { name } = one.metadata;
    // Flux joins target namespace and name when no name is given.
    const names = given === undefined ? [name, `${String(target)}-${name}`] : [given];
    const ours = releases.some(
      (release) => release.namespace === namespace && names.includes(release.release),
    );
    return ours ? [{ owner: 'Flux', by: `HelmRelease ${nameOf(one)}` }] : [];
  });
}

/** Marks on live objects. Pure. */
export function marksOf(objects: readonly KubeObject[]): Owner[] {
  return objects.flatMap((object) => {
    const { labels = {}, annotations = {}, ownerReferences = [] } = object.metadata;
    const keys = [...Object.keys(labels), ...Object.keys(annotations)];
    const csv = ownerReferences.find(({ kind }) => kind === 'ClusterServiceVersion');
    if (csv) return [{ owner: 'OLM', by: `owner of ${object.kind} ${nameOf(object)}` }];
    return MARKS.flatMap(([owner, mark]) => {
      const key = keys.find((candidate) => mark.test(candidate));
      return key === undefined ? [] : [{ owner, by: `${key} on ${object.kind} ${nameOf(object)}` }];
    });
  });
}

/** They would put back what we change, in the middle of it (threats 116). */
export function judgeOwners(owners: readonly Owner[]): Finding {
  if (owners.length === 0) return { ...ROW, outcome: 'pass', seen: 'none manages these releases' };
  const names = [...new Set(owners.map(({ owner }) => owner))].join(' and ');
  const shown = owners.slice(0, 5).map(({ owner, by }) => `${owner}: ${by}`);
  const more = owners.length > 5 ? `; ${owners.length - 5} more` : '';
  return {
    ...ROW,
    outcome: 'fail',
    seen: `${shown.join('; ')}${more}`,
    expected: 'one manager of a release',
    advice: `stop ${names} from managing it (suspend, no automatic sync), or upgrade through ${names}`,
    code: 'DECISION_NEEDED',
  };
}

async function liveObjects(
  rendered: readonly RenderedRelease[],
  { client, signal }: CheckContext,
): Promise<KubeObject[]> {
  const found: KubeObject[] = [];
  for (const { planned, objects } of rendered) {
    const { namespace, release } = planned.chart;
    const kinds = new Set(objects.map(({ apiVersion, kind }) => `${apiVersion} ${kind}`));
    for (const kind of ['apps/v1 Deployment', 'apps/v1 StatefulSet', 'v1 Service']) {
      if (!kinds.has(kind)) continue;
      const [apiVersion = '', name = ''] = kind.split(' ');
      const resource = await client.resourceFor(apiVersion, name, { signal });
      if (resource === undefined) continue;
      const live = await client.list(resource, { namespace, signal });
      found.push(...live.filter((one) => releaseNameOf(one) === release));
    }
  }
  return found;
}

async function listServed(
  client: KubeClient,
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  signal: AbortSignal,
): Promise<KubeObject[]> {
  const resource = await client.resourceFor(apiVersion, kind, { signal });
  return resource === undefined ? [] : client.list(resource, { signal });
}

function nameOf({ metadata }: KubeObject): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}
