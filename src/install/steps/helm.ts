import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BundleChart } from '../../bundle/manifest.js';
import { AirgapError } from '../../errors.js';
import { formatFingerprint, RUN_LABEL } from '../../helm/fingerprint.js';
import { isDecoded } from '../../helm/release.js';
import { type Decision, decide } from '../../helm/state.js';
import { writeFileAtomic } from '../../io/atomic.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { giveUpFlags } from '../giving-up.js';
import { readRelease } from '../observe.js';
import { current } from '../observe-product.js';
import { revisionsName, valuesName } from '../saved-names.js';
import type { ReleaseFacts } from '../site.js';
import { secretStrings } from '../values-diff.js';
import { failRevision, isHelmAtWork, lockedBy, readRevisions, waitForEarlierHelm } from './helm-record.js';
import type { Work } from './types.js';

/** What a helm step is about; part of the plan. */
export interface HelmTarget {
  readonly release: string;
  readonly namespace: string;
  readonly chartSha: string;
  readonly valuesSha: string;
}

/** Installs or upgrades a release from the bundle's own chart with the complete values of the plan. */
export function helmStep(work: Work, target: HelmTarget): StepExecutor {
  const look = async (context: StepContext): Promise<Decision> => {
    await waitForEarlierHelm(target, work.limits, context);
    const facts = await readRelease(work.client, target, { signal: context.signal });
    return decide({
      revisions: facts.revisions,
      runId: context.runId,
      wanted: { chart: target.chartSha, values: target.valuesSha },
      helmGone: !(await isHelmAtWork(target, context)) && !mayRunElsewhere(work, facts),
    });
  };
  return {
    observe: async (context) => {
      const decision = await look(context);
      switch (decision.do) {
        case 'keep':
          work.results.revisions.set(target.release, decision.revision);
          return { state: 'done', detail: `revision ${decision.revision}` };
        case 'locked':
          throw lockedBy(target, decision);
        case 'ask':
          return { state: 'impossible', detail: `${target.release}: ${decision.why}` };
        case 'repair':
          return { state: 'ready', detail: `revision ${decision.revision} was left ${decision.status}` };
        default:
          return { state: 'ready' };
      }
    },
    save: async ({ saved, signal }) => {
      const secrets = await readRevisions(work.client, target, signal);
      if (secrets.length === 0) return;
      await saved.put(revisionsName(target.release), JSON.stringify(secrets));
      const before = current(await readRelease(work.client, target, { signal }));
      if (before) await saved.put(`helm/${target.release}/values-before.json`, JSON.stringify(before.values));
    },
    perform: async (context) => {
      const decision = await look(context);
      if (decision.do === 'keep') return;
      if (decision.do === 'repair')
        await failRevision(work.client, target, { revision: decision.revision, context });
      await upgrade(work, target, context);
    },
  };
}

async function upgrade(work: Work, target: HelmTarget, context: StepContext): Promise<void> {
  const chart = await writeChart(work, target, context);
  const values = await writeValues(target, context);
  await context.guard();
  context.signal.throwIfAborted();
  const { release, namespace, chartSha, valuesSha } = target;
  await work.helm.upgrade({
    release,
    namespace,
    chart,
    valuesFiles: [values.path],
    timeout: work.limits.helm,
    description: formatFingerprint({ runId: context.runId, chart: chartSha, values: valuesSha }),
    labels: { [RUN_LABEL]: context.runId },
    secrets: values.secrets,
  });
}

/** The chart as verified bytes in a folder that only we can write to (threats 50). */
async function writeChart(work: Work, target: HelmTarget, { runFolder }: StepContext): Promise<string> {
  const chart = chartOf(work, target);
  const bytes = await work.bundle.read(chart.path);
  const sha = createHash('sha256').update(bytes).digest('hex');
  if (sha !== target.chartSha) {
    throw new AirgapError('RUN_MISMATCH', `${chart.path} of the bundle is not the chart of the plan`, {
      expected: `sha256:${target.chartSha}`,
      found: `sha256:${sha}`,
    });
  }
  const folder = join(runFolder, 'charts');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, basename(chart.path));
  await writeFileAtomic(path, bytes, { mode: 0o600 });
  return path;
}

/** Complete values as a file (JSON is YAML), and the strings of it that no message may show (threats 136). */
async function writeValues(
  target: HelmTarget,
  { runFolder, runId, saved }: StepContext,
): Promise<{ readonly path: string; readonly secrets: readonly string[] }> {
  const content = await saved.get(valuesName(target.release));
  if (content === undefined) {
    throw new AirgapError(
      'JOURNAL_DAMAGED',
      `the values of ${target.release} that the plan was made with are gone`,
      {
        hint: `airgap rollback --run ${runId}, or give the run up and begin anew: ${giveUpFlags(runId)}`,
      },
    );
  }
  const folder = join(runFolder, 'values');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${target.release}.json`);
  await writeFileAtomic(path, content, { mode: 0o600 });
  return { path, secrets: secretStrings(JSON.parse(content.toString('utf8'))) };
}

function chartOf(work: Work, target: HelmTarget): BundleChart {
  const chart = work.bundle.manifest.charts.find(({ release }) => release === target.release);
  if (chart) return chart;
  throw new AirgapError('RUN_MISMATCH', `the bundle has no chart for release ${target.release}`);
}

/** A pending revision younger than helm may take could be the work of the helm of the host that began the run. */
function mayRunElsewhere(work: Work, { revisions }: ReleaseFacts): boolean {
  const last = revisions.at(-1);
  if (!work.begunElsewhere || last === undefined || !isDecoded(last)) return false;
  const age = work.now() - Date.parse(last.lastDeployed);
  return last.status.startsWith('pending-') && age < work.limits.helm;
}
