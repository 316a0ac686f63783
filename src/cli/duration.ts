import { AirgapError } from '../errors.js';

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** `90s`, `15m`, `1h` (and sums such as `1h30m`) in milliseconds. @throws AirgapError USAGE */
export function parseDuration(flag: string, text: string): number {
  const parts = [...text.matchAll(/(\d+)([smh])/g)];
  const whole = parts.map(([part]) => part).join('') === text;
  const sum = parts.reduce((total, [, count, unit]) => total + Number(count) * (UNITS[unit ?? ''] ?? 0), 0);
  if (whole && sum > 0 && sum <= 24 * 3_600_000) return sum;
  throw new AirgapError('USAGE', `${flag} ${text} is no duration`, {
    expected: 'such as 90s, 15m or 1h, at most 24h',
    found: text,
  });
}
