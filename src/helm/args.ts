import type { ReleaseName, RollbackRequest, TemplateRequest, UpgradeRequest } from './types.js';

/** Revisions that helm keeps: enough to go back over a whole upgrade. */
const HISTORY_MAX = '10';

/** Argument list of `helm upgrade --install`. Positional words stand behind `--`. */
export function upgradeArgs(request: UpgradeRequest, major: number): string[] {
  const { release, namespace, chart, valuesFiles, timeout, description, labels } = request;
  return [
    'upgrade',
    '--install',
    '--namespace',
    namespace,
    ...valuesFiles.flatMap((file) => ['--values', file]),
    '--timeout',
    seconds(timeout),
    '--history-max',
    HISTORY_MAX,
    ...(description === undefined ? [] : ['--description', description]),
    ...labelArgs(labels ?? {}),
    ...serverSide(major),
    ...(request.dryRun === undefined ? [] : [`--dry-run=${request.dryRun}`, '--output', 'json']),
    '--',
    release,
    chart,
  ];
}

export function templateArgs(request: TemplateRequest): string[] {
  return [
    'template',
    '--namespace',
    request.namespace,
    ...request.valuesFiles.flatMap((file) => ['--values', file]),
    ...(request.kubeVersion === undefined ? [] : ['--kube-version', request.kubeVersion]),
    ...(request.apiVersions ?? []).flatMap((name) => ['--api-versions', name]),
    ...(request.includeCrds ? ['--include-crds'] : []),
    ...(request.isUpgrade ? ['--is-upgrade'] : []),
    ...(request.lookups === undefined ? [] : [`--dry-run=${request.lookups}`]),
    '--',
    request.release,
    request.chart,
  ];
}

export function rollbackArgs(request: RollbackRequest): string[] {
  const { release, namespace, revision, timeout } = request;
  return [
    'rollback',
    '--namespace',
    namespace,
    '--timeout',
    seconds(timeout),
    '--history-max',
    HISTORY_MAX,
    '--',
    release,
    String(revision),
  ];
}

export function uninstallArgs(
  request: ReleaseName & { readonly timeout: number; readonly keepHistory?: boolean },
): string[] {
  return [
    'uninstall',
    '--namespace',
    request.namespace,
    '--timeout',
    seconds(request.timeout),
    ...(request.keepHistory ? ['--keep-history'] : []),
    '--',
    request.release,
  ];
}

/** `helm get values|manifest`, `helm history`. */
export function readArgs(
  words: readonly string[],
  name: ReleaseName & { readonly revision?: number },
  flags: readonly string[] = [],
): string[] {
  const revision = name.revision === undefined ? [] : ['--revision', String(name.revision)];
  return [...words, '--namespace', name.namespace, ...revision, ...flags, '--', name.release];
}

/** A line that does the same by hand, for the plan: without our bookkeeping flags. */
export function upgradeCommand(request: UpgradeRequest): string {
  const values = request.valuesFiles.map((file) => ` -f ${file}`).join('');
  return `helm upgrade --install ${request.release} ${request.chart} -n ${request.namespace}${values}`;
}

/**
 * helm 4 would make new releases with server-side apply, which refuses charts with duplicate entries in lists that
 * helm 3 takes, and go on so with releases that it made; preflight tries objects out as a client's patch changes them.
 */
function serverSide(major: number): string[] {
  return major < 4 ? [] : ['--server-side=false'];
}

function labelArgs(labels: Readonly<Record<string, string>>): string[] {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? [] : ['--labels', pairs.join(',')];
}

function seconds(milliseconds: number): string {
  return `${Math.max(1, Math.round(milliseconds / 1000))}s`;
}
