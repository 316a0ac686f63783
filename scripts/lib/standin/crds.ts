import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { documents, yaml } from './charts/text.js';
import type { Version } from './eras.js';

/** Where the CRD file's bytes come from. */
export interface CrdSources {
  /** A file given on the command line. */
  readonly file?: string;
  /** A folder of `MAJOR.MINOR.PATCH.yaml` files. */
  readonly folder?: string;
}

export interface Crds {
  readonly content: Buffer | string;
  /** What a person should know about the choice. */
  readonly note: string;
  readonly real: boolean;
}

/** Chooses the CRD file of a version: the one given, else the newest of the folder that is not too new. */
export async function crdsFor(version: Version, sources: CrdSources): Promise<Crds> {
  if (sources.file !== undefined) return fromFile(sources.file);
  if (sources.folder !== undefined) {
    const chosen = chooseFile(await readdir(sources.folder), version);
    if (chosen === undefined) throw new Error(`no file called 2.MINOR.PATCH.yaml in ${sources.folder}`);
    return fromFile(join(sources.folder, chosen));
  }
  return {
    content: smallCrds(),
    note: 'SMALL CRDs of the stand-in, not the real ones: give --crds FILE or set AIRGAP_TEST_CRDS',
    real: false,
  };
}

async function fromFile(path: string): Promise<Crds> {
  return { content: await readFile(path), note: `CRDs: ${path}`, real: true };
}

/** The greatest `2.MINOR.PATCH.yaml` whose minor is not above the version's; when all are, the smallest. */
export function chooseFile(names: readonly string[], version: Version): string | undefined {
  const files = names
    .map((name) => ({ name, match: /^2\.(\d+)\.(\d+)\.yaml$/.exec(name) }))
    .filter(({ match }) => match !== null)
    .map(({ name, match }) => ({ name, rank: Number(match?.[1]) * 1000 + Number(match?.[2]) }))
    .sort((a, b) => a.rank - b.rank);
  const fitting = files.filter(({ rank }) => rank < (version.minor + 1) * 1000);
  return (fitting.at(-1) ?? files[0])?.name;
}

const SMALL = [
  { group: 'run.ai', kind: 'RunaiConfig', plural: 'runaiconfigs', scope: 'Namespaced', version: 'v1' },
  { group: 'run.ai', kind: 'RunaiJob', plural: 'runaijobs', scope: 'Namespaced', version: 'v1' },
  { group: 'run.ai', kind: 'Project', plural: 'projects', scope: 'Cluster', version: 'v2alpha2' },
  { group: 'run.ai', kind: 'NodePool', plural: 'nodepools', scope: 'Cluster', version: 'v1alpha1' },
  {
    group: 'scheduling.run.ai',
    kind: 'Department',
    plural: 'departments',
    scope: 'Cluster',
    version: 'v2alpha2',
  },
  { group: 'scheduling.run.ai', kind: 'Queue', plural: 'queues', scope: 'Cluster', version: 'v2alpha2' },
] as const;

function smallCrds(): string {
  return documents(...SMALL.map((row) => yaml(smallCrd(row))));
}

function smallCrd({ group, kind, plural, scope, version }: (typeof SMALL)[number]): unknown {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      scope,
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          subresources: { status: {} },
        },
      ],
    },
  };
}
