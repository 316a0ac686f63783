import { AirgapError } from '../errors.js';
import { type Emit, silent } from '../events.js';
import { type ChildResult, runChild } from '../io/process.js';
import { parseYaml } from '../yaml.js';
import { readArgs, rollbackArgs, templateArgs, uninstallArgs, upgradeArgs } from './args.js';
import { type HelmPlace, helmEnv, makeHomes } from './env.js';
import type { HelmProgram } from './find.js';
import { RUN_VARIABLE } from './fingerprint.js';
import type { Helm, HistoryEntry } from './types.js';

export interface HelmOptions extends HelmPlace {
  /** The kubeconfig's context; named explicitly so that nobody can switch it in between. */
  readonly context?: string;
  readonly emit?: Emit;
  /** Values that must not show in messages. */
  readonly secrets?: readonly string[];
}

interface Call {
  readonly signal?: AbortSignal;
  /** Milliseconds; helm is ended after it. */
  readonly timeout?: number;
  readonly secrets?: readonly string[];
  readonly runId?: string;
}

/** helm reads answer within this. */
const READ_MS = 120_000;
/** How much longer than its own waits helm may take before it is ended. */
const GRACE_MS = 120_000;

/** helm 3 and 4 behind one interface. Nothing is run yet. */
export async function createHelm(program: HelmProgram, options: HelmOptions): Promise<Helm> {
  await makeHomes(options.homes);
  const emit = options.emit ?? silent;
  const cluster = options.context === undefined ? [] : [`--kube-context=${options.context}`];
  const { major } = program.version;

  const run = async (args: readonly string[], call: Call): Promise<ChildResult> =>
    runChild(program.path, [args[0] ?? '', ...cluster, ...args.slice(1)], {
      env: { ...helmEnv(options), ...(call.runId === undefined ? {} : { [RUN_VARIABLE]: call.runId }) },
      timeout: call.timeout ?? READ_MS,
      onLine: (line) => emit({ type: 'child', program: 'helm', line }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
      secrets: [...(options.secrets ?? []), ...(call.secrets ?? [])],
    });
  const must = async (args: readonly string[], call: Call = {}): Promise<string> => {
    const result = await run(args, call);
    if (result.exitCode === 0) return result.stdout;
    throw failure(args, result, call);
  };
  const change = (
    args: readonly string[],
    request: { readonly timeout: number; readonly secrets?: readonly string[]; readonly runId?: string },
  ): Promise<string> => {
    const { timeout, secrets = [], runId } = request;
    return must(args, {
      timeout: timeout + GRACE_MS,
      secrets,
      ...(runId === undefined ? {} : { runId }),
    });
  };

  return {
    program,
    template: (request, signal) => must(templateArgs(request), signal ? { signal } : {}),
    history: async (name, signal) => {
      const args = readArgs(['history'], name, ['--output', 'json', '--max', '256']);
      const result = await run(args, signal ? { signal } : {});
      if (result.exitCode !== 0 && /release: not found/.test(result.stderr)) return [];
      if (result.exitCode !== 0) throw failure(args, result, {});
      return readHistory(result.stdout);
    },
    getValues: async ({ all, ...name }, signal) => {
      const flags = ['--output', 'json', ...(all ? ['--all'] : [])];
      const text = await must(readArgs(['get', 'values'], name, flags), signal ? { signal } : {});
      return (parseYaml(text, `values of ${name.release}`) ?? {}) as Record<string, unknown>;
    },
    getManifest: (name, signal) => must(readArgs(['get', 'manifest'], name), signal ? { signal } : {}),
    upgrade: async (request) => {
      await change(upgradeArgs(request, major), request);
    },
    upgradeDryRun: async (request, signal) => {
      const args = upgradeArgs({ ...request, dryRun: 'server' }, major);
      const { timeout, secrets = [] } = request;
      const text = await must(args, { timeout, secrets, ...(signal ? { signal } : {}) });
      return (JSON.parse(text) as { manifest?: string }).manifest ?? '';
    },
    rollback: async (request) => {
      await change(rollbackArgs(request), request);
    },
    uninstall: async (request) => {
      await change(uninstallArgs(request), request);
    },
  };
}

function readHistory(text: string): HistoryEntry[] {
  const rows = JSON.parse(text) as readonly Record<string, unknown>[];
  return rows.map((row) => ({
    revision: Number(row['revision']),
    status: String(row['status'] ?? 'unknown'),
    chart: String(row['chart'] ?? ''),
    appVersion: String(row['app_version'] ?? ''),
    description: String(row['description'] ?? ''),
    updated: String(row['updated'] ?? ''),
  }));
}

function failure(args: readonly string[], result: ChildResult, call: Call): AirgapError {
  const what = `helm ${args[0]} ${args[0] === 'get' ? `${args[1]} ` : ''}${args.at(args.indexOf('--') + 1) ?? ''}`;
  const said = lastWords(result.stderr);
  if (result.timedOut) {
    return new AirgapError('HELM_TIMEOUT', `${what.trim()} did not end`, {
      expected: `an end within ${Math.round((call.timeout ?? READ_MS) / 1000)} s`,
      found: said,
    });
  }
  if (result.canceled) return new AirgapError('INTERRUPTED', `${what.trim()} was stopped`);
  const status =
    result.exitCode === undefined ? `signal ${result.signal ?? 'unknown'}` : `exit ${result.exitCode}`;
  return new AirgapError('HELM_FAILED', `${what.trim()} failed`, { found: `${status}: ${said}` });
}

/** helm says the reason last; warnings of client-go come before it. */
function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !/^[WIE]\d{4} /.test(line));
  const from = lines.findIndex((line) => line.startsWith('Error:'));
  return (from < 0 ? lines.slice(-5) : lines.slice(from)).join(' ').slice(0, 2000) || 'nothing was said';
}
