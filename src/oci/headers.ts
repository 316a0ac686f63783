/** One challenge of WWW-Authenticate (RFC 9110, 11.6.1); names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly params: Readonly<Record<string, string>>;
}

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;

/** Reads all challenges of a WWW-Authenticate header; what cannot be read ends the list. */
export function parseChallenges(header: string): Challenge[] {
  const scan = new Scanner(header.slice(0, 8192));
  const found: { scheme: string; params: Record<string, string> }[] = [];
  for (;;) {
    scan.skip(/[\s,]*/y);
    const word = scan.take(TOKEN);
    if (word === undefined) return found;
    scan.skip(/\s*/y);
    const current = found.at(-1);
    if (current && scan.take(/=/y)) {
      scan.skip(/\s*/y);
      const quoted = scan.take(QUOTED);
      const value = quoted === undefined ? scan.take(TOKEN) : quoted.slice(1, -1).replace(/\\(.)/g, '$1');
      if (value === undefined) return found;
      current.params[word.toLowerCase()] = value;
    } else {
      found.push({ scheme: word.toLowerCase(), params: {} });
    }
  }
}

/** The `rel="next"` target of a Link header (RFC 8288), as it stands there. */
export function parseNextLink(header: string): string | undefined {
  for (const match of header.slice(0, 8192).matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (/;\s*rel\s*=\s*"?next"?\s*(?:[;,]|$)/i.test(match[2] ?? '')) return match[1];
  }
  return undefined;
}

/**
 * How many bytes an upload holds by its Range header, `0-<last>`. `0-0` is what docker-registry says of an empty
 * upload. Undefined when the header is missing or nonsense.
 */
export function parseUploadRange(header: string | undefined): number | undefined {
  const match = /^(?:bytes=)?0-(\d{1,15})$/.exec((header ?? '').trim());
  if (!match) return undefined;
  const last = Number(match[1]);
  return last === 0 ? 0 : last + 1;
}

/** First byte and total of `Content-Range: bytes 5-9/10`. */
export function parseContentRange(
  header: string | undefined,
): { readonly start: number; readonly total: number | undefined } | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec((header ?? '').trim());
  if (!match) return undefined;
  return { start: Number(match[1]), total: match[3] === '*' ? undefined : Number(match[3]) };
}

/** Longest wait that a Retry-After is honoured for, in milliseconds. */
export const LONGEST_WAIT = 300_000;

/** Milliseconds that Retry-After asks for (seconds or an HTTP date), at most LONGEST_WAIT. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = (header ?? '').trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_WAIT);
  const date = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.min(Math.max(date - now, 0), LONGEST_WAIT);
}

class Scanner {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.text);
    if (!match) return undefined;
    this.at = pattern.lastIndex;
    return match[0];
  }

  skip(pattern: RegExp): void {
    this.take(pattern);
  }
}
