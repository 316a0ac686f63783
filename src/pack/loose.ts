/** A mapping of which nothing is known yet. */
export type Loose = Readonly<Record<string, unknown>>;

/** The value as a mapping; an empty one when it is something else. */
export function asRecord(value: unknown): Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Loose) : {};
}

/** The value as a list; an empty one when it is something else. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
