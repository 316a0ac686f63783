/** What stands where a secret was. */
const MASK = '[redacted]';

const HEADER =
  /\b(authorization|proxy-authorization|x-registry-auth|cookie|set-cookie)(["']?\s*[:=]\s*["']?)(?:(basic|bearer|token)\s+)?[^\s"',;]+/gi;
const QUERY =
  /([?&](?:_state|token|access_token|sig|signature|x-amz-[a-z-]+|x-goog-[a-z-]+|key|password|secret)=)[^&\s"']+/gi;
const PAIR =
  /((?:password|passwd|clientsecret|client_secret|secretkey|secret_key|apikey|api_key|identitytoken|refresh_token|access_token)["']?\s*[:=]\s*["']?)[^\s"',;}&]+/gi;
const PEM = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/**
 * Takes everything that looks like a credential out of a text. Applied where messages are made:
 * child output, server answers, URLs. Values known to be secret are passed in `known`.
 */
export function redact(text: string, known: readonly string[] = []): string {
  let out = redactUserInfo(text.replace(PEM, MASK));
  out = out.replace(
    HEADER,
    (_all, name: string, sep: string, scheme?: string) => `${name}${sep}${scheme ? `${scheme} ` : ''}${MASK}`,
  );
  out = out.replace(QUERY, `$1${MASK}`).replace(PAIR, `$1${MASK}`);
  for (const secret of known) if (secret.length >= 4) out = out.split(secret).join(MASK);
  return out;
}

/** Cuts user:password@ out of every URL by a linear scan, so that no input makes it slow. */
function redactUserInfo(text: string): string {
  let out = '';
  let at = 0;
  for (;;) {
    const scheme = text.indexOf('://', at);
    if (scheme < 0) return out + text.slice(at);
    const start = scheme + 3;
    const end = endOfAuthority(text, start);
    const authority = text.slice(start, end);
    const sign = authority.lastIndexOf('@');
    out += text.slice(at, start) + (sign >= 0 ? MASK + authority.slice(sign) : authority);
    at = end;
  }
}

function endOfAuthority(text: string, start: number): number {
  let end = start;
  while (end < text.length && !'/?# \t\r\n"\'<>'.includes(text[end] as string)) end++;
  return end;
}

/**
 * Makes foreign text safe to show: terminal escapes and other control characters out (newline and tab stay),
 * bidirectional overrides out, capped to `limit` characters.
 */
export function printable(text: string, limit = 2000): string {
  const clean = text
    .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])/g, '')
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '');
  return clean.length > limit ? `${clean.slice(0, limit)}… (${clean.length - limit} more characters)` : clean;
}
