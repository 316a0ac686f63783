import type { Manifest } from '../bundle/manifest.js';
import type { Fault } from '../errors.js';
import type { Helm } from '../helm/types.js';
import type { AccessAnswer, AccessCheck } from '../kube/types.js';
import { compareVersions, inRange, parseVersion } from '../runai/version.js';
import { judgeHelm } from './checks/helm.js';
import { judgePlatformVersion } from './checks/platform-version.js';
import type { Finding, Row } from './findings.js';
import type { InstallPlan } from './plan.js';
import { judgeCarried, judgeClaims, judgePath, judgeUnmarked } from './preflight-upgrade.js';
import type { Observation } from './site.js';
import { valueAt } from './values.js';

/** What came of beginning an upload in each repository. */
export interface PushProbe {
  readonly repositories: number;
  readonly errors: readonly string[];
}

/** What the findings are judged by. All of it was read before. */
export interface PreflightFacts {
  readonly manifest: Manifest;
  readonly site: Observation;
  readonly made: InstallPlan;
  readonly helm: Helm['program'];
  readonly access: readonly (AccessCheck & AccessAnswer)[];
  /** Absent when it was not tried. */
  readonly pushProbe?: PushProbe;
  readonly skipPush: boolean;
  /** Ids of findings that the operator has read and accepts. */
  readonly acknowledged: readonly string[];
}

/** Judges what was read. Pure; every row says what was seen and what to do. */
export function judgePreflight(facts: PreflightFacts): Finding[] {
  return [
    clusterReached(facts),
    ...clusterVersion(facts),
    nodePlatforms(facts),
    rights(facts),
    helmVersion(facts),
    ...registry(facts),
    ...crds(facts),
    ...facts.made.releases.flatMap((planned) => release(planned, facts)),
    ...upgradePath(facts),
    ...judgePath(facts.made.facts, {
      acknowledged: facts.acknowledged,
      requires: facts.manifest.requires['kubernetes'] !== undefined,
    }),
    ...judgeUnmarked(facts.made.plan, facts.acknowledged),
    ...facts.made.releases.flatMap((planned) => judgeCarried(planned, facts.acknowledged)),
    ...facts.made.releases.flatMap((planned) => judgeClaims(planned, facts.made.facts)),
    ...domain(facts),
  ];
}

/** What can be judged without a cluster: registry and values. */
export function judgeWithoutCluster(facts: Pick<PreflightFacts, 'site' | 'made' | 'skipPush'>): Finding[] {
  const seen = 'no cluster, no helm: nothing of the site but what is named here was checked';
  const advice = 'run it again without --without-cluster where the cluster can be reached';
  return [
    { id: 'site', title: 'site', outcome: 'not-checked', seen, advice },
    ...registry(facts),
    ...domain(facts),
  ];
}

function clusterReached({ site: { cluster } }: PreflightFacts): Finding {
  const { context, server, uid, nodes, version } = cluster;
  const seen = `context ${context}, ${server}, ${version.gitVersion}, ${nodes} nodes, cluster ${uid}`;
  return { id: 'cluster.reached', title: 'cluster', outcome: 'pass', seen };
}

/** On OpenShift its own version decides, which has a row of its own, unless the bundle asks for a Kubernetes. */
function clusterVersion({ manifest, site }: PreflightFacts): Finding[] {
  if (site.product.platform === 'openshift' && manifest.requires['kubernetes'] === undefined) return [];
  const version = site.cluster.version.gitVersion;
  return [judgePlatformVersion({ manifest, platform: 'kubernetes', version })];
}

function nodePlatforms({ manifest, site }: PreflightFacts): Finding {
  const row: Row = { id: 'cluster.platforms', title: 'platforms of the nodes' };
  const carried = manifest.platforms.map((platform) => platform.split('/').slice(0, 2).join('/'));
  const missing = site.cluster.platforms.filter((platform) => !carried.includes(platform));
  const seen = site.cluster.platforms.join(', ') || 'no nodes';
  const expected = carried.join(', ');
  if (missing.length === 0) return { ...row, outcome: 'pass', seen, expected };
  const some = missing.length < site.cluster.platforms.length;
  const advice = some
    ? 'pods must not be scheduled on the other nodes'
    : `pack a bundle for ${missing.join(', ')}`;
  if (some) return { ...row, outcome: 'warn', seen, expected, advice };
  return { ...row, outcome: 'fail', seen, expected, advice, code: 'BUNDLE_WRONG' };
}

function rights({ access }: PreflightFacts): Finding {
  const row: Row = { id: 'cluster.rights', title: 'rights' };
  const missing = access.filter((check) => !check.allowed);
  if (missing.length === 0) return { ...row, outcome: 'pass', seen: 'all that the plan needs' };
  const named = missing.map(describeAccess);
  return {
    ...row,
    outcome: 'fail',
    seen: `not allowed: ${named.join('; ')}`,
    expected: 'cluster-admin',
    advice: 'use a kubeconfig with these rights: kubectl auth can-i --list',
  };
}

function describeAccess({ verb, group, resource, namespace }: AccessCheck): string {
  const kind = group === '' ? resource : `${resource}.${group}`;
  return `${verb} ${kind}${namespace === undefined ? '' : ` in ${namespace}`}`;
}

function helmVersion({ helm, manifest, site }: PreflightFacts): Finding {
  const release = parseVersion(manifest.version);
  const source = site.product.backend ?? site.product.cluster;
  const required = manifest.requires['helm'];
  return judgeHelm({
    version: helm.version.text,
    path: helm.path,
    ...(release === undefined ? {} : { release }),
    ...(source === undefined ? {} : { source }),
    ...(required === undefined ? {} : { required }),
  });
}

function registry({
  site,
  pushProbe,
  skipPush,
}: Pick<PreflightFacts, 'site' | 'pushProbe' | 'skipPush'>): Finding[] {
  const facts = site.registry;
  if (!facts) return [];
  const { address, plainHttp, state, needsLogin } = facts;
  const seen = `${plainHttp ? 'http' : 'https'}://${address.text}${needsLogin ? ', needs a login' : ''}`;
  const findings: Finding[] = [{ id: 'registry.reached', title: 'registry', outcome: 'pass', seen }];
  const absent = [...state.missing, ...state.different.map(({ target }) => target)];
  if (skipPush) {
    const row: Row = { id: 'registry.content', title: 'images in the registry' };
    if (absent.length === 0) return [...findings, { ...row, outcome: 'pass', seen: `all ${state.images}` }];
    const missing = `${absent.length} of ${state.images} are not there: ${absent.slice(0, 5).join(', ')}`;
    return [...findings, { ...row, outcome: 'fail', seen: missing, advice: 'leave --skip-push out' }];
  }
  const row: Row = { id: 'registry.writable', title: 'writing to the registry' };
  if (absent.length === 0)
    return [...findings, { ...row, outcome: 'pass', seen: 'nothing has to be written' }];
  if (pushProbe === undefined)
    return [
      ...findings,
      { ...row, outcome: 'not-checked', seen: 'a probe begins an upload; not in a dry run' },
    ];
  const { repositories, errors } = pushProbe;
  if (errors.length === 0)
    return [
      ...findings,
      { ...row, outcome: 'pass', seen: `an upload can be begun in ${repositories} repositories` },
    ];
  const advice = `ask for the right to push to (and create) these repositories of ${address.text}`;
  const refused = `refused in ${errors.length} of ${repositories} repositories: ${errors.join('; ')}`;
  return [...findings, { ...row, outcome: 'fail', seen: refused, advice }];
}

function crds({ site }: PreflightFacts): Finding[] {
  if (site.crds.inFile === 0) return [];
  const { incompatible, storedVersions } = site.crds.findings;
  return [
    crdFinding({ id: 'crds.compatible', title: 'custom resource definitions' }, incompatible, {
      code: 'CRD_INCOMPATIBLE',
      advice:
        'take the bundle that belongs to this product and site: what a definition is of cannot be changed',
    }),
    crdFinding({ id: 'crds.stored-versions', title: 'stored versions of custom resources' }, storedVersions, {
      code: 'CRD_STORED_VERSION',
      advice:
        'take a bundle that is not older than the site; else write every object of the kind again in a version that stays ' +
        '(kubectl get KIND -A -o yaml | kubectl replace -f -), then take the old one out of status.storedVersions',
    }),
  ];
}

function crdFinding(
  row: Row,
  faults: readonly Fault[],
  told: Required<Pick<Finding, 'code' | 'advice'>>,
): Finding {
  if (faults.length === 0) return { ...row, outcome: 'pass', seen: 'the bundle’s can be applied' };
  const seen = faults.map(({ where, what }) => `${where}: ${what}`).join('; ');
  return { ...row, outcome: 'fail', seen, ...told };
}

function release({ chart, decision }: InstallPlan['releases'][number], { site }: PreflightFacts): Finding[] {
  const row: Row = { id: `release.${chart.release}`, title: `release ${chart.release}` };
  const owner = site.releases.get(chart.release)?.owner;
  if (owner !== undefined) {
    const advice = `stop ${owner} from managing it, or upgrade through ${owner}`;
    return [{ ...row, outcome: 'fail', seen: `${owner} manages it`, advice, code: 'DECISION_NEEDED' }];
  }
  switch (decision.do) {
    case 'locked':
      return [
        {
          ...row,
          outcome: 'fail',
          seen: `${decision.why}, since ${decision.since}`,
          advice: `find out who: helm history ${chart.release} -n ${chart.namespace}; when nobody is at work any more: helm rollback ${chart.release} -n ${chart.namespace}`,
          code: 'LOCKED',
        },
      ];
    case 'ask':
      return [
        {
          ...row,
          outcome: 'fail',
          seen: decision.why,
          advice: `look at it: helm history ${chart.release} -n ${chart.namespace}`,
          code: 'DECISION_NEEDED',
        },
      ];
    case 'install':
      return [{ ...row, outcome: 'pass', seen: 'not there yet' }];
    case 'keep':
      return [{ ...row, outcome: 'pass', seen: `revision ${decision.revision} is what the bundle gives` }];
    default:
      return [over(row, decision)];
  }
}

/** Helm goes on from a failed revision by itself; why it failed is worth a look. */
function over(row: Row, decision: { readonly revision: number; readonly over?: string }): Finding {
  const { revision } = decision;
  if (decision.over !== 'failed') return { ...row, outcome: 'pass', seen: `revision ${revision}` };
  const advice = 'nothing to do: it is upgraded over; why it failed: helm history';
  return { ...row, outcome: 'warn', seen: `revision ${revision} failed`, advice };
}

function upgradePath({ manifest, site }: PreflightFacts): Finding[] {
  const row: Row = { id: 'upgrade.path', title: 'way to this version' };
  const target = parseVersion(manifest.version);
  const carries = (role: string): boolean => manifest.charts.some((chart) => chart.role === role);
  const { backend, cluster } = site.product;
  const source =
    (carries('control-plane') ? backend : undefined) ?? (carries('cluster') ? cluster : undefined);
  if (!target || !source) return [];
  if (compareVersions(source, target) > 0) {
    return [
      {
        ...row,
        outcome: 'fail',
        seen: `${source.text} runs, which is newer than the bundle’s ${target.text}`,
        advice: 'take a bundle that is not older than what runs',
        code: 'DECISION_NEEDED',
      },
    ];
  }
  const from = manifest.upgrade?.from;
  const fits = from === undefined ? true : inRange(source, from);
  if (fits === false) {
    const advice = 'upgrade to a release in between first';
    return [{ ...row, outcome: 'fail', seen: `${source.text} runs`, expected: from ?? '', advice }];
  }
  return [{ ...row, outcome: 'pass', seen: `${source.text} to ${target.text}` }];
}

/** A control plane without its name starts and serves nobody. */
function domain({ made }: Pick<PreflightFacts, 'made'>): Finding[] {
  const planned = made.releases.find(({ chart }) => chart.role === 'control-plane');
  const version = planned && parseVersion(planned.chart.version);
  if (!planned || !version || planned.decision.do !== 'install' || inRange(version, '>=2.12') !== true)
    return [];
  const row: Row = { id: 'control-plane.domain', title: 'domain of the control plane' };
  const found = valueAt(planned.values, ['global', 'domain']);
  if (typeof found === 'string' && found !== '') return [{ ...row, outcome: 'pass', seen: found }];
  return [{ ...row, outcome: 'fail', seen: 'not given', advice: 'add --domain NAME' }];
}
