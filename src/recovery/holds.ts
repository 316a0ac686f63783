/**
 * Whether what was saved is there: every field with its value. More fields may be there (defaults, status); a list
 * must have as many items. Pure.
 */
export function holds(saved: unknown, live: unknown): boolean {
  if (Array.isArray(saved)) {
    return (
      Array.isArray(live) &&
      saved.length === live.length &&
      saved.every((item, index) => holds(item, live[index]))
    );
  }
  if (typeof saved === 'object' && saved !== null) {
    const own = Object.entries(saved);
    if (typeof live !== 'object' || live === null) return live === undefined && own.length === 0;
    return own.every(
      ([key, value]) => value === undefined || holds(value, (live as Record<string, unknown>)[key]),
    );
  }
  if (saved === live) return true;
  // An empty value that the server leaves out.
  return live === undefined && (saved === null || saved === '' || saved === false || saved === 0);
}
