const FORM = /^([+-]?\d+(?:\.\d*)?|\.\d+)(?:(n|u|m|k|[KMGTPE]i|[MGTPE])|[eE]([+-]?\d+))?$/;
const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A quantity of Kubernetes (`8`, `500m`, `16Gi`, `1e3`) as a number; undefined when it is none. */
export function parseQuantity(value: unknown): number | undefined {
  const match = FORM.exec(String(value ?? '').trim());
  if (match === null) return undefined;
  const [, number, suffix, exponent] = match;
  return Number(number) * (FACTORS[suffix ?? ''] ?? 1) * 10 ** Number(exponent ?? 0);
}
