import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestNode } from '../../install/support/node.js';
import { CANARIES } from './site.js';
import { isOurs, type Watch } from './watch.js';

/** Secrets under names that may be shown. */
export type Secrets = ReadonlyMap<string, string>;

/** What the tests put into a site. */
export const canaries = (): Map<string, string> => new Map(CANARIES.map((value) => [value, value]));

/** Shorter values stand in other words too. */
const SHORTEST = 12;
const SECRET_KEY = /pass|secret|token|key|auth|docker/i;
/** Texts are many and secrets few. */
const FORMS = new Map<string, readonly string[]>();
/** Lines of a key that are searched for: the first ones are the same in every key of its kind. */
const KEY_LINES = [2, 5, 11];

/**
 * The forms that a secret may stand in: as it is, escaped for JSON (once and twice) and for URLs, and in base64 by
 * itself or in the middle of something longer, at each of the three places that it can have there.
 */
export function formsOf(secret: string): readonly string[] {
  const known = FORMS.get(secret);
  if (known) return known;
  const bytes = Buffer.from(secret);
  const json = JSON.stringify(secret).slice(1, -1);
  const whole = bytes.toString('base64');
  const inner = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes, Buffer.alloc(3)]).toString('base64');
    return text.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
  });
  const twice = Buffer.from(whole).toString('base64').replace(/=+$/, '');
  const forms = [secret, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(secret), whole, twice];
  const all = [...new Set([...forms, whole.replace(/=+$/, ''), bytes.toString('base64url'), ...inner])];
  FORMS.set(secret, all);
  return all;
}

/** The names of the secrets that stand in a text, whatever line breaks it has. */
export function secretsIn(text: string, secrets: Secrets): string[] {
  const joined = text.replace(/\\n|\s+/g, '');
  return [...secrets].flatMap(([name, secret]) =>
    formsOf(secret).some((form) => text.includes(form) || joined.includes(form)) ? [name] : [],
  );
}

/** What is secret at a site now: the product’s Secrets, hashes of passwords in its database, the key of its administrator. */
export function liveSecrets(site: TestNode): Map<string, string> {
  const found = new Map<string, string>();
  const { items } = site.json('get', 'secrets', '-A') as unknown as { items: Secret[] };
  for (const { metadata, type, data = {} } of items) {
    if (type === 'helm.sh/release.v1') continue;
    for (const [key, value] of Object.entries(data).filter(([name]) => SECRET_KEY.test(name)))
      for (const [part, secret] of partsOf(Buffer.from(value, 'base64').toString('utf8')))
        found.set(`${metadata.namespace}/${metadata.name} ${key}${part}`, secret);
  }
  const hashes = site.must(
    'psql',
    'postgres',
    'SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword <> $$$$',
  );
  for (const line of hashes.split('\n')) {
    const [role, hash = ''] = line.split('|');
    found.set(`password hash of ${role}`, hash);
  }
  const config = JSON.parse(site.kubectl('config', 'view', '--raw', '-o', 'json'));
  const admin = Buffer.from(config.users[0].user['client-key-data'] ?? '', 'base64').toString('utf8');
  for (const [part, secret] of partsOf(admin)) found.set(`key of the kubeconfig${part}`, secret);
  return found;
}

interface Secret {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** A key by some of its lines, a login of docker by its password and its pair, anything else as it is. */
function partsOf(text: string): [string, string][] {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY/.test(text)) {
    const lines = text.trim().split('\n');
    // An elliptic key has three lines, of which the last tells it from others as well.
    const chosen = lines.length < 8 ? [lines.length - 2] : KEY_LINES;
    return chosen.flatMap((at): [string, string][] => (lines[at] ? [[` line ${at}`, lines[at]]] : []));
  }
  if (text.includes('-----BEGIN')) return [];
  if (text.includes('"auths"')) {
    const { auths } = JSON.parse(text) as { auths: Record<string, { password?: string; auth?: string }> };
    return Object.values(auths).flatMap(({ password = '', auth = '' }) => [
      [' password', password],
      [' auth', auth],
    ]);
  }
  return text.length < SHORTEST ? [] : [['', text]];
}

/** What was seen of runs. */
export interface Seen {
  /** What verbs printed, and documents that they wrote elsewhere. */
  readonly said: readonly string[];
  readonly watch: Watch;
}

/** Where runs keep what is secret, by their own word: for their owner alone. */
const KEPT = /\/(?:saved|values|keys)\/|\/before-restore[^/]*\.key$/;

/**
 * Where secrets stand open: records of runs (journal, plan, reports), what was printed, command lines, and what
 * airgap has in the cluster besides Secrets. Also says which kept secrets others than their owner may read.
 */
export function findSecrets(site: TestNode, secrets: Secrets, { said, watch }: Seen): string[] {
  const root = join(site.stateDir, 'airgap');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((name) => join(root, name))
    .filter((path) => statSync(path).isFile());
  const kept = files.filter((path) => KEPT.test(path) && (statSync(path).mode & 0o77) !== 0);
  const at = (where: string, text: string): string[] =>
    secretsIn(text, secrets).map((name) => `${name} in ${where}`);
  return [
    ...kept.map((path) => `others may read ${path}`),
    ...files.filter((path) => !KEPT.test(path)).flatMap((path) => inFile(path, secrets)),
    ...said.flatMap((text) =>
      secretsIn(text, secrets).map((name) => `${name} in: ${around(text, secrets, name)}`),
    ),
    ...inLines([...watch.lines()].filter(isOurs), secrets),
    ...at('the cluster', ownObjects(site)),
  ];
}

/** Backups are encrypted, and long: what would stand open in one stands there as it is. */
function inFile(path: string, secrets: Secrets): string[] {
  const content = readFileSync(path);
  const names = path.endsWith('.backup')
    ? [...secrets].flatMap(([name, secret]) => (content.includes(secret) ? [name] : []))
    : secretsIn(content.toString('latin1'), secrets);
  return names.map((name) => `${name} in ${path}`);
}

function inLines(lines: readonly string[], secrets: Secrets): string[] {
  if (secretsIn(lines.join('\n'), secrets).length === 0) return [];
  return lines.flatMap((line) =>
    secretsIn(line, secrets).map((name) => `${name} in a command line: ${line.slice(0, 200)}`),
  );
}

/** Enough of a text to see who printed it. */
function around(text: string, secrets: Secrets, name: string): string {
  const only = new Map([[name, secrets.get(name) ?? '']]);
  return (text.split('\n').find((line) => secretsIn(line, only).length > 0) ?? text).slice(0, 500);
}

/** The mirror of the journal, leases, helper pods and what was said of them. */
function ownObjects(site: TestNode): string {
  const { items } = site.json('get', 'configmaps,leases,pods,jobs,events', '-A') as unknown as {
    items: unknown[];
  };
  return items
    .map((item) => JSON.stringify(item))
    .filter((text) => text.includes('airgap'))
    .join('\n');
}
