/** What a release was made from; stands in the description of its revision once that is deployed. */
export interface Fingerprint {
  readonly runId: string;
  /** 64 hex digits: SHA-256 of the chart's tgz. */
  readonly chart: string;
  /** 64 hex digits: SHA-256 of the canonical JSON of the complete values. */
  readonly values: string;
}

const FORM = /^airgap run=([A-Za-z0-9-]+) chart=sha256:([0-9a-f]{64}) values=sha256:([0-9a-f]{64})$/;

export function formatFingerprint({ runId, chart, values }: Fingerprint): string {
  return `airgap run=${runId} chart=sha256:${chart} values=sha256:${values}`;
}

/** Undefined for revisions that somebody else made, or that failed. */
export function parseFingerprint(description: string): Fingerprint | undefined {
  const [, runId, chart, values] = FORM.exec(description) ?? [];
  return runId && chart && values ? { runId, chart, values } : undefined;
}

/** True when both were made from the same chart and values, by whatever run. */
export function sameContent(
  one: Pick<Fingerprint, 'chart' | 'values'>,
  other: Fingerprint | undefined,
): boolean {
  return one.chart === other?.chart && one.values === other.values;
}

/** Label of a release's Secret that names the run which began the revision, also while it is pending. */
export const RUN_LABEL = 'airgap-run';

/** Names the run in the environment of a helm that takes no label. */
export const RUN_VARIABLE = 'AIRGAP_RUN';
