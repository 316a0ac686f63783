import { AirgapError, type Fault } from '../errors.js';
import type { Crd, CrdSpec } from './crd-file.js';

/** A CRD as the cluster has it. */
export interface LiveCrd extends Crd {
  readonly status?: {
    readonly storedVersions?: readonly string[];
    readonly conditions?: readonly CrdCondition[];
  };
}

export interface CrdCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** What keeps a file of CRDs from being applied, by kind of fault. */
export interface CrdFindings {
  /** Versions that are stored in the cluster and that the file lacks or does not serve (threats 101, 102). */
  readonly storedVersions: readonly Fault[];
  /** Fields that cannot be changed: scope, kind. */
  readonly incompatible: readonly Fault[];
}

/** Compares a file's CRDs with the live ones before anything is applied. Pure. */
export function checkCrds(file: readonly Crd[], live: readonly LiveCrd[]): CrdFindings {
  const byName = new Map(live.map((crd) => [crd.metadata.name, crd]));
  const storedVersions: Fault[] = [];
  const incompatible: Fault[] = [];
  for (const crd of file) {
    const old = byName.get(crd.metadata.name);
    if (!old) continue;
    storedVersions.push(...storedFaults(crd, old));
    incompatible.push(...changedFields(crd, old));
  }
  return { storedVersions, incompatible };
}

/** @throws AirgapError CRD_INCOMPATIBLE, CRD_STORED_VERSION */
export function demandCompatible(findings: CrdFindings): void {
  if (findings.incompatible.length > 0) {
    throw new AirgapError('CRD_INCOMPATIBLE', 'CRDs of the bundle change what cannot be changed', {
      faults: findings.incompatible,
    });
  }
  if (findings.storedVersions.length > 0) {
    throw new AirgapError(
      'CRD_STORED_VERSION',
      'CRDs of the bundle lack versions that the cluster has stored',
      {
        faults: findings.storedVersions,
      },
    );
  }
}

/** True when the live spec is the file's, but for what the API server fills in. */
export function sameSpec(file: CrdSpec, live: CrdSpec): boolean {
  return equal(withDefaults(file), withDefaults(live));
}

/** Paths at which two specs differ, defaults aside; at most `limit`. */
export function specDifferences(file: CrdSpec, live: CrdSpec, limit = 5): string[] {
  const found: string[] = [];
  differences('spec', withDefaults(file), withDefaults(live), (path) => {
    if (found.length < limit) found.push(path);
  });
  return found;
}

function storedFaults(crd: Crd, old: LiveCrd): Fault[] {
  const offered = new Map(crd.spec.versions.map((version) => [version.name, version]));
  const has = [...offered.keys()].join(', ');
  return (old.status?.storedVersions ?? []).flatMap((name) => {
    const version = offered.get(name);
    if (version?.served === true) return [];
    const where = `${crd.metadata.name} status.storedVersions`;
    const what = version
      ? `${name} is stored in the cluster and not served by the bundle's CRD`
      : `${name} is stored in the cluster and missing in the bundle's CRD`;
    return [{ where, what, expected: name, found: version ? `${name} (served: false)` : has }];
  });
}

function changedFields(crd: Crd, old: LiveCrd): Fault[] {
  const fields: readonly (readonly [string, string, string])[] = [
    ['spec.scope', old.spec.scope, crd.spec.scope],
    ['spec.group', old.spec.group, crd.spec.group],
    ['spec.names.kind', old.spec.names.kind, crd.spec.names.kind],
    ['spec.names.plural', old.spec.names.plural, crd.spec.names.plural],
  ];
  return fields
    .filter(([, before, after]) => before !== after)
    .map(([field, expected, found]) => ({
      where: `${crd.metadata.name} ${field}`,
      what: 'cannot be changed',
      expected,
      found,
    }));
}

/** What the API server adds to a spec of apiextensions.k8s.io/v1 (SetDefaults_CustomResourceDefinitionSpec). */
function withDefaults(spec: CrdSpec): CrdSpec {
  const { names } = spec;
  return {
    ...spec,
    names: {
      ...names,
      singular: names.singular || names.kind.toLowerCase(),
      listKind: names.listKind || `${names.kind}List`,
    },
    conversion: spec.conversion ?? { strategy: 'None' },
  };
}

function equal(one: unknown, other: unknown): boolean {
  let same = true;
  differences('', one, other, () => {
    same = false;
  });
  return same;
}

function differences(path: string, one: unknown, other: unknown, report: (path: string) => void): void {
  if (Object.is(one, other)) return;
  const bothObjects = typeof one === 'object' && typeof other === 'object' && one !== null && other !== null;
  if (!bothObjects || Array.isArray(one) !== Array.isArray(other)) {
    report(path);
    return;
  }
  const left = one as Record<string, unknown>;
  const right = other as Record<string, unknown>;
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    differences(`${path}.${key}`, left[key], right[key], report);
  }
}
