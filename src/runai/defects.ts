import { compareVersions, parseVersion, type Version } from './version.js';

/** A published defect of an upgrade. */
export interface Defect {
  readonly id: string;
  /** First and last version that the upgrade must start from. */
  readonly from: readonly [string, string];
  /** First and last target that has it. */
  readonly to: readonly [string, string];
  readonly what: string;
  readonly todo: string;
}

const DEFECTS: readonly Defect[] = [
  {
    id: 'logins-2.13',
    from: ['2.9.0', '2.9.9999'],
    to: ['2.13.0', '2.13.20'],
    what: 'logins fail after an upgrade from 2.9 to 2.13 before 2.13.21',
    todo: 'take 2.13.21 or later',
  },
  {
    id: 'crds-2.13',
    from: ['2.9.0', '2.12.9999'],
    to: ['2.13.0', '2.13.12'],
    what: 'the cluster chart before 2.13.13 does not bring the CRDs up to date',
    todo: 'nothing: the bundle’s CRDs are applied before the chart',
  },
  {
    id: 'engine-config-2.13',
    from: ['2.9.0', '2.9.9999'],
    to: ['2.13.0', '2.13.9999'],
    what: 'after an upgrade from 2.9 to 2.13 engine-config may be missing and the scheduler’s pod may fail (owner change)',
    todo: 'look at the scheduler after the upgrade; deleting its pod once is the published remedy to ask support for',
  },
];

/** The defects that an upgrade from one version to another meets. */
export function defectsBetween(source: Version, target: Version): Defect[] {
  return DEFECTS.filter((defect) => within(source, defect.from) && within(target, defect.to));
}

function within(version: Version, [first, last]: readonly [string, string]): boolean {
  const [low, high] = [parseVersion(first), parseVersion(last)];
  return (
    low !== undefined &&
    high !== undefined &&
    compareVersions(version, low) >= 0 &&
    compareVersions(version, high) <= 0
  );
}
