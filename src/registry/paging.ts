import { refuse } from './refusal.js';

/** One page of a sorted list. */
export interface Page {
  readonly items: readonly string[];
  /** Where the next page begins, when there is one. */
  readonly next?: { readonly n: number; readonly last: string };
}

/** Code-point order, the "ASCIIbetical" of the distribution spec. */
export function sortedNames(names: Iterable<string>): string[] {
  return [...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/**
 * Cuts a page by the query parameters n (at most so many) and last (only what sorts after it).
 * @throws Refusal UNSUPPORTED (400) when n is no number
 */
export function pageOf(sorted: readonly string[], query: URLSearchParams): Page {
  const last = query.get('last');
  const rest = last === null ? sorted : sorted.filter((name) => name > last);
  const text = query.get('n');
  if (text === null) return { items: rest };
  if (!/^\d{1,9}$/.test(text)) throw refuse('UNSUPPORTED', 'n is not a number', { status: 400 });
  const n = Number(text);
  const items = rest.slice(0, n);
  const end = items.at(-1);
  return end !== undefined && rest.length > n ? { items, next: { n, last: end } } : { items };
}

/** The Link header of RFC 5988 that leads to the next page. */
export function linkHeaders(path: string, page: Page): Record<string, string> {
  if (!page.next) return {};
  const query = new URLSearchParams({ n: String(page.next.n), last: page.next.last });
  return { Link: `<${path}?${query.toString()}>; rel="next"` };
}
