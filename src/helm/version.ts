/** A helm version. */
export interface HelmVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** As helm prints it: v3.19.0 */
  readonly text: string;
}

/** The oldest helm 3 that has what we use (labels, --reset-then-reuse-values in the vendor's texts). */
const OLDEST_3 = 14;
/** The newest major whose flags are known here. */
const NEWEST_MAJOR = 4;

/** What `helm version --template {{.Version}}` prints; undefined when it is something else. */
export function parseHelmVersion(printed: string): HelmVersion | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+][0-9A-Za-z.-]+)?$/.exec(printed.trim());
  if (!match) return undefined;
  const [text, major, minor, patch] = match;
  return { major: Number(major), minor: Number(minor), patch: Number(patch), text };
}

/** True for helm 3.14 and later 3.x, and for every 4.x. */
export function isSupported(version: HelmVersion): boolean {
  if (version.major === 3) return version.minor >= OLDEST_3;
  return version.major === NEWEST_MAJOR;
}

/** The supported range, for messages. */
export const SUPPORTED = `3.${OLDEST_3} or a newer 3.x, or ${NEWEST_MAJOR}.x`;
