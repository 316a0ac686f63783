import { lookup as dnsLookup } from 'node:dns/promises';
import { tmpdir } from 'node:os';
import { AirgapError, isAirgapError, systemCode } from '../../errors.js';
import { mapPooled } from '../../io/pool.js';
import { RESOURCES } from '../../kube/resources.js';
import { parseVersion } from '../../runai/version.js';
import type { Finding } from '../findings.js';
import type { Site } from '../open-site.js';
import type { InstallPlan } from '../plan.js';
import type { Observation } from '../site.js';
import type { InstallOptions } from '../types.js';
import { backupCheck } from './backup.js';
import { caCheck } from './ca.js';
import { canaryCheck } from './canary.js';
import { clockCheck } from './clock.js';
import { crdDryRunCheck } from './crd-dry-run.js';
import { crdObjectsCheck } from './crd-objects.js';
import { databaseCheck } from './database.js';
import { databaseMajorCheck } from './database-major.js';
import { diskCheck } from './disk.js';
import { type Answer, dnsCheck } from './dns.js';
import { dryRunChecks } from './dry-run.js';
import { gpuCheck } from './gpu.js';
import { handMadeCheck } from './hand-made.js';
import { identityCheck } from './identity.js';
import { imagesCheck } from './images.js';
import { ingressCheck } from './ingress.js';
import { namespacesCheck } from './namespaces.js';
import { nodesCheck } from './nodes.js';
import { openshiftChecks } from './openshift.js';
import { ownersCheck } from './owners.js';
import { openshiftVersionCheck } from './platform-version.js';
import { powersCheck } from './powers.js';
import { prometheusCheck } from './prometheus.js';
import { pullSecretCheck } from './pull-secret.js';
import { recordedBy } from './recorded.js';
import { registrySpaceCheck } from './registry-space.js';
import { releaseHealthCheck } from './release-health.js';
import { releaseSizeCheck } from './release-size.js';
import { renderReleases } from './rendered.js';
import { rightsCheck } from './rights.js';
import { storageCheck } from './storage.js';
import { tlsChecks } from './tls.js';
import type { Check, CheckContext } from './types.js';
import { uninstallCheck } from './uninstall.js';
import { webhooksCheck } from './webhooks.js';

const WIDTH = 3;

/** In the order of the report. */
const CHECKS: readonly Check[] = [
  openshiftVersionCheck,
  ...openshiftChecks,
  nodesCheck,
  clockCheck,
  storageCheck,
  databaseCheck,
  databaseMajorCheck,
  ingressCheck,
  identityCheck,
  dnsCheck,
  ...tlsChecks,
  caCheck,
  pullSecretCheck,
  registrySpaceCheck,
  prometheusCheck,
  gpuCheck,
  namespacesCheck,
  webhooksCheck,
  ownersCheck,
  handMadeCheck,
  releaseHealthCheck,
  uninstallCheck,
  rightsCheck,
  imagesCheck,
  powersCheck,
  crdDryRunCheck,
  crdObjectsCheck,
  releaseSizeCheck,
  ...dryRunChecks,
  diskCheck,
  backupCheck,
];

/** What was read and planned before the checks. */
interface Read extends Pick<CheckContext, 'need'> {
  readonly observation: Observation;
  readonly made: InstallPlan;
}

/** Reads and judges all that the site has to have. Changes nothing, but for the canary when it is asked for. */
export async function checkSite(site: Site, read: Read, options: InstallOptions): Promise<Finding[]> {
  const context = contextOf(site, read, options);
  const canary = options.canary === 'check' ? [canaryCheck(options.random)] : [];
  const findings = await runChecks([...CHECKS, ...canary], context);
  return findings.map((finding) => acknowledge(finding, options.acknowledged ?? []));
}

/** Runs checks, a few at a time; one that cannot read what it needs says so and stops no other. */
export async function runChecks(checks: readonly Check[], context: CheckContext): Promise<Finding[]> {
  const wanted = checks.filter((check) => check.applies?.(context) ?? true);
  const findings = await mapPooled(wanted, WIDTH, async (check) => runOne(check, context), context.signal);
  return findings.flat();
}

async function runOne(check: Check, context: CheckContext): Promise<Finding[]> {
  try {
    return await check.run(context);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof AirgapError) && systemCode(error) === undefined && !(error instanceof SyntaxError))
      throw error;
    const said = error instanceof AirgapError && error.found !== undefined ? `: ${error.found}` : '';
    const message = error instanceof Error ? error.message : String(error);
    // A chart that cannot be rendered cannot be installed.
    const outcome = isAirgapError(error, 'HELM_FAILED') ? 'fail' : 'not-checked';
    const advice = outcome === 'fail' ? { advice: 'mend the values that helm complains about' } : {};
    return [{ ...check.row, outcome, seen: `${message}${said}`, ...advice }];
  }
}

const FIRM = CHECKS.filter(({ firm }) => firm).map(({ row }) => row.id);

/** The operator may know better than any reading; what was accepted stays in the report as a warning. */
function acknowledge(finding: Finding, acknowledged: readonly string[]): Finding {
  if (finding.outcome !== 'fail' || FIRM.some((id) => finding.id.startsWith(id))) return finding;
  if (acknowledged.includes(finding.id)) {
    const { code: _code, ...rest } = finding;
    return { ...rest, outcome: 'warn', advice: 'accepted as it is' };
  }
  return finding;
}

function contextOf(
  { bundle, client, helm, crds, registry }: Site,
  { observation, made, need }: Read,
  options: InstallOptions,
): CheckContext {
  const { signal, stateRoot, clock, env } = options;
  const release = parseVersion(bundle.manifest.version);
  const tmp = env['TMPDIR'] || tmpdir();
  const context: Omit<CheckContext, 'recorded' | 'rendered' | 'pods' | 'nodes'> = {
    client,
    bundle,
    crds,
    site: observation,
    made,
    helm,
    stateRoot,
    tmp,
    now: clock.now,
    lookup: lookUp,
    signal,
    ...(release === undefined ? {} : { release }),
    ...(registry === undefined ? {} : { registry }),
    ...(options.backup === undefined ? {} : { backup: options.backup }),
    ...(need === undefined ? {} : { need }),
  };
  return {
    ...context,
    pods: once(() => client.list(RESOURCES.pods, { signal })),
    nodes: once(() => client.list(RESOURCES.nodes, { signal })),
    recorded: once(() => recordedBy(observation)),
    rendered: once(async () => {
      const apiVersions = await servedVersions(client, signal);
      const kubeVersion = observation.cluster.version.gitVersion;
      return renderReleases({ bundle, helm, made, crds, kubeVersion, apiVersions, tmp, signal });
    }),
  };
}

async function servedVersions(client: CheckContext['client'], signal: AbortSignal): Promise<string[]> {
  const { body } = await client.request({ method: 'GET', path: '/apis', signal });
  const list = JSON.parse(body.toString('utf8')) as {
    readonly groups?: readonly { readonly versions?: readonly { readonly groupVersion: string }[] }[];
  };
  return (list.groups ?? []).flatMap(({ versions = [] }) => versions.map(({ groupVersion }) => groupVersion));
}

/** As programs on this machine resolve names, /etc/hosts included. */
async function lookUp(host: string): Promise<Answer> {
  try {
    const found = await dnsLookup(host, { all: true });
    return { addresses: found.map(({ address }) => address) };
  } catch (error) {
    return { error: systemCode(error) ?? 'unknown' };
  }
}

function once<T>(read: () => T): () => T {
  let answer: T | undefined;
  return () => {
    answer ??= read();
    return answer;
  };
}
