import { crdsRequired } from './crds.js';
import { defectsBetween } from './defects.js';
import { eraOf } from './era.js';
import type { Facts } from './site.js';
import { SOURCES } from './sources.js';
import { backendPath, claimSetting, dataClaims, movesVolumes } from './steps/paths.js';
import { compareVersions, crosses, formatMinor, isAtLeast, type Version } from './version.js';
import { windowOf } from './windows.js';

/** Ids of findings; `*` stands for a claim or a defect. */
export type PathId =
  | 'unknown-version'
  | 'downgrade'
  | 'cluster-newer'
  | 'path-composed'
  | 'source-2.12'
  | 'gpu-operator'
  | 'window-unknown'
  | 'claim-missing:*'
  | 'crds-missing'
  | 'cluster-left'
  | 'defect:*';

type FilledId<Id> = Id extends `${infer Head}*` ? `${Head}${string}` : Id;

/** refuse: never done. ask: the operator must say so. warn: shown with the plan. */
export type PathLevel = 'refuse' | 'ask' | 'warn';

export interface PathFinding {
  readonly level: PathLevel;
  /** Short and stable; what an operator acknowledges. */
  readonly id: FilledId<PathId>;
  readonly what: string;
  readonly expected?: string;
  readonly found?: string;
  readonly todo: string;
  readonly source: string;
}

/** All findings about going from what is installed to what is to be installed; none when nothing is special. */
export function checkUpgradePath(facts: Facts): PathFinding[] {
  return [
    ...unknownVersions(facts),
    ...downgrades(facts),
    ...skews(facts),
    ...untold(facts),
    ...volumes(facts),
    ...contents(facts),
    ...defects(facts),
  ];
}

/** Minor releases whose steps the upgrade passes, oldest first; of the control plane. */
export function releasesBetween(source: Version, target: Version): string[] {
  if (source.major !== target.major) return [];
  const count = Math.max(0, target.minor - source.minor);
  return Array.from({ length: count }, (_, index) => `${source.major}.${source.minor + index + 1}`);
}

function unknownVersions({ site, target }: Facts): PathFinding[] {
  const all = [site.backend, site.cluster, target.backend, target.cluster];
  return all
    .filter((version) => version !== undefined)
    .filter((version) => eraOf(version) === undefined)
    .map((version) => ({
      level: 'refuse',
      id: 'unknown-version',
      what: `nothing is known about version ${version.text}`,
      expected: 'a version 2.x of the product',
      found: version.text,
      todo: 'use a bundle and an airgap that know this version',
      source: SOURCES.ours,
    }));
}

function downgrades({ site, target }: Facts): PathFinding[] {
  const pairs = [
    ['control plane', site.backend, target.backend],
    ['cluster part', site.cluster, target.cluster],
  ] as const;
  return pairs.flatMap(([what, from, to]) =>
    from === undefined || to === undefined || compareVersions(to, from) >= 0
      ? []
      : [
          {
            level: 'refuse' as const,
            id: 'downgrade',
            what: `the ${what} here is newer than the bundle’s`,
            expected: `${from.text} or later`,
            found: to.text,
            todo: 'going back is airgap rollback or airgap restore, not an install of an older bundle',
            source: SOURCES.upgradeSteps,
          },
        ],
  );
}

/** The control plane is never older than a cluster. */
function skews({ site, target }: Facts): PathFinding[] {
  const backend = target.backend ?? site.backend;
  const cluster = target.cluster ?? site.cluster;
  if (backend === undefined || cluster === undefined || compareVersions(backend, cluster) >= 0) return [];
  return [
    {
      level: 'refuse',
      id: 'cluster-newer',
      what: 'the cluster part would be newer than its control plane',
      expected: `a control plane of ${cluster.text} or later`,
      found: backend.text,
      todo: 'upgrade the control plane first, or take a bundle that carries both',
      source: SOURCES.upgradeSteps,
    },
  ];
}

/** Paths that no text names; steps are composed all the same, and the operator is told. */
function untold({ site, target }: Facts): PathFinding[] {
  const findings: PathFinding[] = [];
  const warn = (
    id: FilledId<PathId>,
    what: string,
    todo: string,
    source: string = SOURCES.inferred,
  ): void => {
    findings.push({ level: 'warn', id, what, todo, source });
  };
  const [from, to] = [site.backend, target.backend];
  if (from && to && crosses(from, to, 2, 12) && !isAtLeast(from, 2, 7)) {
    warn(
      'path-composed',
      `no text goes from ${formatMinor(from)} straight to 2.12 or later; the steps of the releases between are composed`,
      'consider 2.8 as a stop between',
    );
  }
  if (from && to && formatMinor(from) === '2.12' && isAtLeast(to, 2, 13)) {
    warn(
      'source-2.12',
      'no text names 2.12 as a source; it is treated as 2.13',
      'check the plan with support when in doubt',
    );
  }
  if (site.cluster && target.cluster && crosses(site.cluster, target.cluster, 2, 4)) {
    warn(
      'gpu-operator',
      'from 2.4 on the GPU operator is the site’s own',
      'install it before the cluster part',
      SOURCES.clusterPage,
    );
  }
  const newest = to ?? target.cluster;
  if (newest && eraOf(newest) && windowOf(newest) === undefined) {
    findings.push({
      level: 'ask',
      id: 'window-unknown',
      what: `no text names the prerequisites of release ${formatMinor(newest)}`,
      todo: 'ask support for its Kubernetes, OpenShift and Helm versions, then acknowledge this finding',
      source: SOURCES.prerequisites,
    });
  }
  return findings;
}

function volumes(facts: Facts): PathFinding[] {
  if (!movesVolumes(facts)) return [];
  const missing = dataClaims(facts).filter((claim) => !facts.site.claims.includes(claim));
  return missing.map((claim) => ({
    level: 'ask',
    id: `claim-missing:${claim}`,
    what: `the claim ${claim} is not there, in which the upgrade looks for the data`,
    expected: `PersistentVolumeClaim runai-backend/${claim}`,
    found: facts.site.claims.length === 0 ? 'no claim in runai-backend' : facts.site.claims.join(', '),
    todo: withoutClaim(claim, facts),
    source: SOURCES.textC,
  }));
}

function withoutClaim(claim: string, { target }: Facts): string {
  const named =
    target.backend && isAtLeast(target.backend, 2, 12)
      ? `name the claim that holds it (--backend-set ${claimSetting(claim)}=CLAIM), or `
      : '';
  return `find out where the data lies, then ${named}accept that the new release begins with a new, empty volume`;
}

function contents({ site, target }: Facts): PathFinding[] {
  const findings: PathFinding[] = [];
  if (target.cluster && crdsRequired(target.cluster) && !target.crds) {
    findings.push({
      level: 'refuse',
      id: 'crds-missing',
      what: `release ${target.cluster.text} needs its CRDs applied by hand, and the bundle carries none`,
      todo: 'pack the bundle again with runai-crds.yaml of the release',
      source: SOURCES.clusterPage,
    });
  }
  const path = backendPath({ site, target });
  if (
    path !== 'none' &&
    target.cluster === undefined &&
    site.cluster !== undefined &&
    ['B', 'C'].includes(path)
  ) {
    findings.push({
      level: 'warn',
      id: 'cluster-left',
      what: `the cluster part stays at ${site.cluster.text}`,
      todo: 'upgrade it soon with a bundle that carries it',
      source: SOURCES.upgradeSteps,
    });
  }
  return findings;
}

function defects({ site, target }: Facts): PathFinding[] {
  if (site.backend === undefined || target.backend === undefined) return [];
  return defectsBetween(site.backend, target.backend).map((defect) => ({
    level: 'warn',
    id: `defect:${defect.id}`,
    what: defect.what,
    todo: defect.todo,
    source: SOURCES.releaseNotes,
  }));
}
