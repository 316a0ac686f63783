/** What a site that is not the saved one is called otherwise. */
export interface Rewrite {
  /** Host name of the control plane. */
  readonly domain?: FromTo;
  /** HOST[:PORT][/PREFIX] of the images. */
  readonly registry?: FromTo;
}

export interface FromTo {
  readonly from: string;
  readonly to: string;
}

export interface Rewritten<T> {
  readonly value: T;
  /** Where a text was changed: `spec.rules[0].host`. */
  readonly paths: readonly string[];
}

/** Changes domain and registry in every text of a JSON value; keys and secrets' data (base64) stay. Pure. */
export function rewriteTexts<T>(value: T, rewrite: Rewrite): Rewritten<T> {
  const change = rewriterOf(rewrite);
  const paths: string[] = [];
  const walk = (at: unknown, path: string): unknown => {
    if (typeof at === 'string') {
      const changed = change(at);
      if (changed !== at) paths.push(path);
      return changed;
    }
    if (Array.isArray(at)) return at.map((item, index) => walk(item, `${path}[${index}]`));
    if (typeof at !== 'object' || at === null) return at;
    const entries = Object.entries(at).map(([key, item]) => [
      key,
      walk(item, path === '' ? key : `${path}.${key}`),
    ]);
    return Object.fromEntries(entries);
  };
  return { value: walk(value, '') as T, paths };
}

/** A name counts only whole: as the end of a longer host name (`*.runai.test`), not as a part of another one. */
function rewriterOf({ domain, registry }: Rewrite): (text: string) => string {
  const host =
    domain && new RegExp(`(?<![A-Za-z0-9-])${quoted(domain.from)}(?![A-Za-z0-9-]|\\.[A-Za-z0-9])`, 'g');
  const image = registry && new RegExp(`(?<![A-Za-z0-9./-])${quoted(registry.from)}(?=/|$)`, 'g');
  return (text) => {
    const named = host && domain ? text.replace(host, () => domain.to) : text;
    return image && registry ? named.replace(image, () => registry.to) : named;
  };
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
