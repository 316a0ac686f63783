import type { Crd, CrdVersion } from '../../kube/crd-file.js';
import type { KubeClient, KubeObject, Resource } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { type Schema, type SchemaFault, validateSchema } from './schema.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'crds.objects', title: 'existing custom resources' };
const SHOWN = 5;

/** An object that is there, with what the new definition says about it. */
export interface JudgedObject {
  /** projects.run.ai team-a */
  readonly name: string;
  readonly version: string;
  readonly faults: readonly SchemaFault[];
}

export interface CrdObjectFacts {
  readonly objects: number;
  readonly offenders: readonly JudgedObject[];
  /** Kinds that could not be looked at, with the reason. */
  readonly skipped: readonly string[];
}

/** Objects that the new schemas refuse can neither be changed nor have their finalizers taken (threats 103). */
export const crdObjectsCheck: Check = {
  row: ROW,
  applies: ({ crds }) => crds.length > 0,
  run: async ({ client, crds, site, signal }) => [
    judgeCrdObjects(await readCrdObjects(client, changing(crds, site.crds.toApply), signal)),
  ],
};

/** Reads every object of the definitions and holds it against the version that it will be served in. */
export async function readCrdObjects(
  client: KubeClient,
  crds: readonly Crd[],
  signal: AbortSignal,
): Promise<CrdObjectFacts> {
  let objects = 0;
  const offenders: JudgedObject[] = [];
  const skipped: string[] = [];
  for (const crd of crds) {
    const found = await listObjects(client, crd, signal);
    if (found === undefined) continue;
    objects += found.objects.length;
    const version = crd.spec.versions.find(({ name }) => name === found.version) ?? storageOf(crd);
    const schema = valueAt(version, ['schema', 'openAPIV3Schema']) as Schema | undefined;
    if (version === undefined || schema === undefined) {
      if (found.objects.length > 0) skipped.push(`${crd.metadata.name} has no schema`);
      continue;
    }
    if (version.name !== found.version && found.objects.length > 0)
      skipped.push(`${crd.metadata.name} ${found.version} is gone; held against ${version.name}`);
    for (const object of found.objects) {
      const faults = judgeObject(object, schema).map((fault) =>
        version.name === found.version ? fault : { ...fault, sure: false },
      );
      const { name, namespace } = object.metadata;
      const where = `${crd.metadata.name} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
      if (faults.length > 0) offenders.push({ name: where, version: version.name, faults });
    }
  }
  return { objects, offenders, skipped };
}

/** Status is written by controllers again, and metadata is checked by the server itself. */
export function judgeObject(object: KubeObject, schema: Schema): SchemaFault[] {
  const { metadata: _metadata, status: _status, apiVersion: _version, kind: _kind, ...rest } = object;
  const required = schema['required'];
  const kept = Array.isArray(required)
    ? required.filter((name) => !['metadata', 'status', 'apiVersion', 'kind'].includes(String(name)))
    : undefined;
  const { required: _required, ...without } = schema;
  return validateSchema(kept === undefined ? without : { ...without, required: kept }, rest);
}

export function judgeCrdObjects({ objects, offenders, skipped }: CrdObjectFacts): Finding {
  const certain = offenders.filter(({ faults }) => faults.some(({ sure }) => sure));
  const told = skipped.length === 0 ? '' : `; ${skipped.join('; ')}`;
  if (certain.length === 0 && offenders.length === 0) {
    if (objects === 0) return { ...ROW, outcome: 'pass', seen: `none that a new definition concerns${told}` };
    return { ...ROW, outcome: 'pass', seen: `all ${objects} fit the new schemas${told}` };
  }
  const shown = [...certain, ...offenders.filter((one) => !certain.includes(one))].slice(0, SHOWN);
  const list = shown.map(({ name, version, faults }) => {
    const first = faults.find(({ sure }) => sure) ?? faults[0];
    return `${name} (${version}): ${first?.path} ${first?.what}`;
  });
  const more = offenders.length > SHOWN ? `; ${offenders.length - SHOWN} more` : '';
  const seen = `${offenders.length} of ${objects}: ${list.join('; ')}${more}${told}`;
  if (certain.length === 0)
    return {
      ...ROW,
      outcome: 'warn',
      seen,
      advice: 'only the API server can tell; look at these before going on',
    };
  const advice = 'mend these objects before their definition changes, then run the same command again';
  return { ...ROW, outcome: 'fail', seen, expected: 'objects that the new schemas accept', advice };
}

function changing(crds: readonly Crd[], toApply: readonly string[]): Crd[] {
  return crds.filter(({ metadata }) => toApply.includes(metadata.name));
}

function storageOf(crd: Crd): CrdVersion | undefined {
  return crd.spec.versions.find(({ storage }) => storage === true);
}

/** In the newest version of the new file that the cluster serves already; else in any that it serves. */
async function listObjects(
  client: KubeClient,
  crd: Crd,
  signal: AbortSignal,
): Promise<{ readonly version: string; readonly objects: readonly KubeObject[] } | undefined> {
  const { group, names, scope } = crd.spec;
  const served = crd.spec.versions.filter((version) => version.served === true);
  const preferred = [
    ...served.filter(({ storage }) => storage === true),
    ...served.filter(({ storage }) => storage !== true),
  ];
  for (const { name } of preferred) {
    const resource = await client.resourceFor(`${group}/${name}`, names.kind, { signal });
    if (resource) return { version: name, objects: await client.list(resource, { signal, pageSize: 200 }) };
  }
  const response = await client.groups({ signal });
  if (!response.includes(group)) return undefined;
  const { body } = await client.request({ method: 'GET', path: `/apis/${group}`, signal });
  const versions = valueAt(JSON.parse(body.toString('utf8')), ['versions']);
  for (const one of Array.isArray(versions) ? versions : []) {
    const version = String(valueAt(one, ['version']));
    const found = await client.resourceFor(`${group}/${version}`, names.kind, { signal });
    if (found === undefined) continue;
    const resource: Resource = { ...found, namespaced: scope === 'Namespaced' };
    return { version, objects: await client.list(resource, { signal, pageSize: 200 }) };
  }
  return undefined;
}
