import type { BundleChart } from '../bundle/manifest.js';
import { AirgapError } from '../errors.js';
import { digestOf } from '../run/canonical.js';
import type { Session } from '../run/session.js';
import { parseYaml } from '../yaml.js';
import type { OpenBackup } from './archive/open.js';
import type { Installer } from './restore-types.js';
import { type Rewrite, rewriteTexts } from './rewrite.js';

type Values = Readonly<Record<string, unknown>>;

/** A release as the restore installs it. */
export interface PlannedValues {
  readonly chart: BundleChart;
  /** 64 hex digits. */
  readonly chartSha: string;
  /** Complete; may hold secrets. */
  readonly values: Values;
  /** Where a saved value was written otherwise. */
  readonly rewritten: readonly string[];
}

/**
 * The bundle's charts with the values of the backup, which must be of the same versions; and those that the product
 * needs besides, with what the backup knows of them.
 * @throws AirgapError DECISION_NEEDED, RESTORE_REFUSED
 */
export async function planValues(
  backup: OpenBackup,
  installer: Installer,
  rewrite: Rewrite,
): Promise<PlannedValues[]> {
  const { charts } = installer.bundle.manifest;
  demandVersions(backup, charts);
  const planned: PlannedValues[] = [];
  for (const chart of charts) {
    const isSaved = backup.manifest.releases.some(({ name }) => name === chart.release);
    if (!isSaved && chart.role !== 'prerequisite') continue;
    const saved = await savedValues(backup, chart.release, isSaved ? 'demanded' : 'if-any');
    const { value, paths } = rewriteTexts(saved, rewrite);
    const { entries } = installer.bundle.manifest;
    planned.push({
      chart,
      chartSha: entries.find(({ path }) => path === chart.path)?.sha256 ?? '',
      values: installer.valuesFor(chart, value),
      rewritten: paths,
    });
  }
  return planned;
}

/** The values of a release as they were saved. @throws AirgapError RESTORE_REFUSED when they must be there */
export async function savedValues(
  backup: OpenBackup,
  release: string,
  need: 'demanded' | 'if-any' = 'demanded',
): Promise<Values> {
  const part = backup.manifest.parts.find(
    ({ role, meta }) => role === 'release-values' && meta?.['release'] === release,
  );
  if (part) return (parseYaml((await backup.read(part.path)).toString('utf8'), part.path) ?? {}) as Values;
  if (need === 'if-any') return {};
  throw new AirgapError('RESTORE_REFUSED', `the backup does not hold the values of release ${release}`, {
    expected: 'a backup with the part values',
  });
}

/** The values that helm steps take, as they were planned. @throws AirgapError RUN_MISMATCH */
export async function keepValues(
  { run, saved }: Session,
  releases: readonly PlannedValues[],
  installer: Pick<Installer, 'valuesName'>,
): Promise<void> {
  for (const step of run.plan.steps) {
    const { release, valuesSha } = (step.input ?? {}) as { release?: string; valuesSha?: string };
    if (release === undefined || valuesSha === undefined) continue;
    const planned = releases.find(({ chart }) => chart.release === release);
    if (!planned || digestOf(planned.values) !== valuesSha) {
      throw new AirgapError('RUN_MISMATCH', `the values of ${release} are not those of the unfinished run`, {
        hint: 'give the same registry, domain and backup as before, or give the run up with --new-run',
      });
    }
    await saved.put(installer.valuesName(release), JSON.stringify(planned.values));
  }
}

/** A database's tables belong to one version of the product: first the same one, an upgrade afterwards. */
function demandVersions(backup: OpenBackup, charts: readonly BundleChart[]): void {
  for (const { name, chart: chartName, version } of backup.manifest.releases) {
    const chart = charts.find(({ release }) => release === name);
    if (chart?.version === version) continue;
    throw new AirgapError('DECISION_NEEDED', 'the bundle is not of the version that the backup was made of', {
      expected: `${chartName} ${version} for release ${name}`,
      found: chart ? `${chart.name} ${chart.version}` : 'no chart for it',
      hint: `give the bundle of ${backup.manifest.product.controlPlane ?? version}; upgrade after the restore`,
    });
  }
}
