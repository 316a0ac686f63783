import { isKeptByPolicy, RESOURCE_POLICY } from '../../helm/marks.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import type { ObjectRef } from '../../runai/names.js';
import { parseYamlDocuments } from '../../yaml.js';
import { MANIFEST_LIMITS, manifestObjects } from '../manifest.js';
import { isKept, isReleases } from './delete-owned.js';
import { findObject } from './objects.js';

/** Kinds in a release whose deletion would take other people's objects or data with it. */
const DANGEROUS = new Set([
  'CustomResourceDefinition',
  'PersistentVolumeClaim',
  'PersistentVolume',
  'Namespace',
]);

interface Target {
  readonly release: string;
  readonly namespace: string;
}

/** Something that an uninstall would delete although it is not the release's alone. */
export interface Danger {
  readonly ref: ObjectRef;
  /** `namespace monitoring with deployment grafana` */
  readonly what: string;
}

export interface Dangers {
  readonly dangers: readonly Danger[];
  /** What somebody marked on the live object to be kept, and helm's record does not say so yet. */
  readonly marked: readonly ObjectRef[];
}

/**
 * What uninstalling a release would take beyond it. Helm goes by its record and asks no live object, so a mark on one
 * counts only when it is carried into the record first (`keptInManifest`).
 * @param manifest of the release's last revision
 */
export async function dangersOf(
  client: KubeClient,
  target: Target & { readonly manifest: string },
  signal: AbortSignal,
): Promise<Dangers> {
  const dangers: Danger[] = [];
  const marked: ObjectRef[] = [];
  for (const object of manifestObjects(target.manifest, target.release)) {
    if (!DANGEROUS.has(object.kind ?? '') || isKeptByPolicy(object)) continue;
    const ref = refOf(object, target.namespace);
    const live = await findObject(client, ref, signal);
    if (live === undefined) continue;
    if (isKeptByPolicy(live.object)) {
      marked.push(ref);
      continue;
    }
    const { kind, name } = ref;
    if (kind !== 'Namespace') {
      dangers.push({ ref, what: `${kind} ${name}` });
      continue;
    }
    const strangers = await strangersIn(client, name, { ...target, signal });
    if (strangers.length > 0)
      dangers.push({ ref, what: `namespace ${name} with ${strangers.slice(0, 5).join(', ')}` });
  }
  return { dangers, marked };
}

/** The manifest with some of its objects marked to be kept, all else as it was. Pure. */
export function keptInManifest(manifest: string, refs: readonly ObjectRef[]): string {
  return manifest
    .split(/^---[ \t]*$/m)
    .map((text) => {
      const [object] = parseYamlDocuments(text, 'manifest', MANIFEST_LIMITS) as (KubeObject | null)[];
      if (!object?.metadata || !refs.some((ref) => isSame(object, ref))) return text;
      const { metadata } = object;
      const annotations = { ...metadata.annotations, [RESOURCE_POLICY]: 'keep' };
      return `\n# Source: kept by an upgrade\n${JSON.stringify({ ...object, metadata: { ...metadata, annotations } })}\n`;
    })
    .join('---');
}

/** How somebody lets helm keep it. */
export function keepLine({ kind, name, namespace }: ObjectRef): string {
  const place = namespace === undefined ? '' : ` -n ${namespace}`;
  return `kubectl annotate ${kind.toLowerCase()} ${name}${place} ${RESOURCE_POLICY}=keep`;
}

function isSame({ kind, metadata }: KubeObject, ref: ObjectRef): boolean {
  if (kind !== ref.kind || metadata.name !== ref.name) return false;
  return metadata.namespace === undefined || metadata.namespace === ref.namespace;
}

function refOf({ apiVersion = '', kind = '', metadata }: KubeObject, release: string): ObjectRef {
  const { name, namespace = release } = metadata;
  return { apiVersion, kind, name, ...(kind === 'PersistentVolumeClaim' ? { namespace } : {}) };
}

/** What lies in a namespace and is not the release's. */
async function strangersIn(
  client: KubeClient,
  place: string,
  { release, namespace, signal }: Target & { readonly signal: AbortSignal },
): Promise<string[]> {
  const kinds = [
    RESOURCES.deployments,
    RESOURCES.statefulSets,
    RESOURCES.daemonSets,
    RESOURCES.jobs,
    RESOURCES.services,
    RESOURCES.secrets,
    RESOURCES.configMaps,
    RESOURCES.claims,
  ];
  const found: string[] = [];
  for (const resource of kinds) {
    const objects = await client.list(resource, { namespace: place, signal });
    const foreign = objects.filter(
      (object) =>
        !isReleases(object, { release, namespace }) &&
        !isKept(object) &&
        !object.metadata.ownerReferences?.length,
    );
    found.push(...foreign.map((object) => `${resource.kind.toLowerCase()} ${object.metadata.name}`));
  }
  return found;
}
