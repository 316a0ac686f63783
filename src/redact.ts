/** What stands where a secret was. */
const MASK = '[redacted]';

const HEADER =
  /\b(authorization|proxy-authorization|x-registry-auth|cookie|set-cookie)(["']?\s*[:=]\s*["']?)(?:(basic|bearer|token)\s+)?[^\s"',;]+/gi;
const QUERY =
  /([?&](?:_state|token|access_token|sig|signature|x-amz-[a-z-]+|x-goog-[a-z-]+|key|password|secret)=)[^&\s"']+/gi;
const PAIR =
  /((?:password|passwd|clientsecret|client_secret|secretkey|secret_key|apikey|api_key|identitytoken|refresh_token|access_token)["']?\s*[:=]\s*["']?)[^\s"',;}&]+/gi;
/** What is a secret by its own form, without a name before it. A PEM block in base64 may be a private key. */
const FORMS =
  /AGE-SECRET-KEY-1[0-9A-Z]+|SCRAM-SHA-256\$[^\s'"]+|\beyJ[\w-]{4,}\.eyJ[\w-]+\.[\w-]*|LS0tLS1CRUdJTi[A-Za-z0-9+/=]+/g;
/** Members of a login file and of the data of a Secret. */
const MEMBER = /("(?:auth|registrytoken|tls\.key|\.dockerconfigjson|\.dockercfg)\\?"\s*:\s*\\?")[^"\\]+/g;
/** A decoder of Kubernetes shows the document around its fault. */
const AROUND = /(error found in #\d+ byte of )\.\.\.\|[\s\S]*/g;
/** Shorter ones would mask what only looks like them. */
const SHORTEST_BASE64 = 8;
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
  out = out.replace(QUERY, `$1${MASK}`).replace(PAIR, `$1${MASK}`).replace(MEMBER, `$1${MASK}`);
  out = out.replace(FORMS, MASK).replace(AROUND, `$1${MASK}`);
  for (const secret of known)
    if (secret.length >= 4) for (const form of formsOf(secret)) out = out.split(form).join(MASK);
  return out;
}

/**
 * The forms that a secret travels in, longest first: as it is, escaped for JSON and for URLs, and in base64 by itself
 * or in the middle of something longer, where what lies before it moves it by up to two bytes.
 */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const inner = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const whole = Math.floor(((bytes.length + shift) * 8) / 6);
    return text.slice(Math.ceil((shift * 8) / 6), whole);
  });
  const base64 = bytes.toString('base64');
  const encoded = [base64, base64.replace(/=+$/, ''), bytes.toString('base64url'), ...inner];
  const forms = [
    ...[secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)],
    ...encoded.filter((form) => form.length >= SHORTEST_BASE64),
  ];
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
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
