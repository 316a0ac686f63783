/** A bound of a range: ">=1.23". */
interface Bound {
  readonly operator: '>=' | '>' | '<=' | '<' | '=';
  readonly major: number;
  readonly minor: number;
  /** 0 when the range does not give one. */
  readonly patch: number;
  readonly patchGiven: boolean;
}

const BOUND = /(>=|<=|>|<|=)?\s*v?(\d+)(?:\.(\d+))?(?:\.(\d+))?/g;

/**
 * The Kubernetes versions that charts are rendered for: the lowest and the highest of a range such as
 * ">=1.23 <1.29", as charts may choose images by version. One end only, or none, when the range has no more.
 */
export function kubeVersions(range: string | undefined): string[] {
  const bounds = [...(range ?? '').matchAll(BOUND)].map(boundOf);
  const low = bounds.find(({ operator }) => operator === '>=' || operator === '>' || operator === '=');
  const high = bounds.find(({ operator }) => operator === '<' || operator === '<=');
  const versions = [low && lowest(low), high && highest(high)].filter((text) => text !== undefined);
  return [...new Set(versions)];
}

function boundOf(match: RegExpMatchArray): Bound {
  const [, operator = '=', major, minor, patch] = match;
  return {
    operator: operator as Bound['operator'],
    major: Number(major),
    minor: Number(minor ?? 0),
    patch: Number(patch ?? 0),
    patchGiven: patch !== undefined,
  };
}

function lowest({ operator, major, minor, patch, patchGiven }: Bound): string {
  if (operator !== '>') return format(major, minor, patch);
  return patchGiven ? format(major, minor, patch + 1) : format(major, minor + 1, 0);
}

function highest({ operator, major, minor, patch, patchGiven }: Bound): string | undefined {
  if (operator === '<=') return format(major, minor, patch);
  if (patchGiven && patch > 0) return format(major, minor, patch - 1);
  return minor > 0 ? format(major, minor - 1, 0) : undefined;
}

function format(major: number, minor: number, patch: number): string {
  return `${major}.${minor}.${patch}`;
}
