import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { TestNode } from '../../install/support/node.js';
import { fillDatabase, fillObjects, fillVolume, metricsFolder, type Size } from './site.js';

const TABLES = [
  'public.jobs',
  'public.later',
  '"odd ""Schema"."Tab le"',
  '"odd ""Schema".parted_1',
  '"odd ""Schema".parted_2',
  'grafana.big',
  'grafana.dashboard',
  'public.users',
  'public.tenants',
];

/** Hashes and counts of tables, and all that is not a row, by other means than airgap's own. */
export function databaseFacts(site: TestNode): string[] {
  const each = TABLES.map(
    (table) =>
      `SELECT '${table.replaceAll("'", "''")}', count(*)::text, md5(string_agg(x::text, '|' ORDER BY x::text)) FROM ${table} x`,
  );
  const rest = [
    "SELECT 'large objects', count(*)::text, md5(string_agg(md5(lo_get(oid)), '|' ORDER BY md5(lo_get(oid)))) FROM pg_largeobject_metadata",
    "SELECT 'sequence', schemaname || '.' || sequencename, last_value::text FROM pg_sequences",
    "SELECT 'grant', table_schema || '.' || table_name || ' ' || grantee, privilege_type FROM information_schema.role_table_grants WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
    "SELECT 'extension', extname::text, extversion FROM pg_extension",
    "SELECT 'role', rolname::text, rolcanlogin::text || coalesce((SELECT array_to_string(setconfig, ',') FROM pg_db_role_setting WHERE setrole = pg_authid.oid AND setdatabase = 0), '') || CASE rolname WHEN 'reporting' THEN md5(rolpassword) ELSE '' END FROM pg_authid WHERE rolname !~ '^pg_'",
    "SELECT 'member', roleid::regrole::text, member::regrole::text || admin_option FROM pg_auth_members WHERE roleid::regrole::text !~ '^pg_'",
    "SELECT 'owner', schemaname || '.' || tablename, tableowner::text FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    "SELECT 'index', schemaname || '.' || indexname, indexdef FROM pg_indexes WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    "SELECT 'setting', coalesce(setrole::regrole::text, ''), array_to_string(setconfig, ',') FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())",
    "SELECT 'database', datname, pg_get_userbyid(datdba) || (SELECT string_agg(a::text, ',' ORDER BY a::text) FROM unnest(datacl) a) FROM pg_database WHERE datname = current_database()",
  ];
  const backend = site.must('psql', 'backend', [...each, ...rest].join(' UNION ALL '));
  const second = site.must(
    'psql',
    'second ü',
    "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM t",
  );
  const names = site.must(
    'psql',
    'postgres',
    "SELECT string_agg(datname, ',' ORDER BY datname) FROM pg_database",
  );
  return [...backend.split('\n').sort(), `second ${second}`, `databases ${names}`];
}

/** That nobody wrote: where every row lies and who made it, and which files and databases there are. */
export function untouched(site: TestNode): string {
  const rows = TABLES.map(
    (table) =>
      `SELECT '${table}', count(*)::text || sum(hashtext(xmin::text || ctid::text || x::text)::bigint) FROM ${table} x`,
  );
  const rest = [
    "SELECT 'large', count(*)::text || sum(hashtext(xmin::text || ctid::text || loid)::bigint) FROM pg_largeobject",
    "SELECT 'classes', md5(string_agg(oid::text || relname || relfilenode || xmin::text, ',' ORDER BY oid)) FROM pg_class WHERE relnamespace::regnamespace::text NOT IN ('pg_catalog', 'pg_toast', 'information_schema')",
    "SELECT 'database', oid::text FROM pg_database WHERE datname = 'backend'",
  ];
  // The server may answer the parts in any order.
  return site
    .must('psql', 'backend', [...rows, ...rest].join(' UNION ALL '))
    .split('\n')
    .sort()
    .join('\n');
}

/** Content hashes, kinds, modes, owners, link counts, sizes, times and link targets of every file, by find. */
export function fileFacts(site: TestNode): string[] {
  const folder = metricsFolder(site);
  const script = `cd "$1" && find . -mindepth 1 -printf '%p|%y|%m|%U|%G|%n|%T@|%l|%s\\0' | sort -z
    find . -type f -print0 | sort -z | xargs -0 sha256sum -z`;
  const ran = spawnSync('bash', ['-c', script, 'bash', folder], { encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(ran.status, 0, ran.stderr);
  // The size of a folder depends on what it once held.
  return ran.stdout.split('\0').map((line) => (/\|d\|/.test(line) ? line.replace(/\|\d+$/, '') : line));
}

/** Bytes that the volume really takes: holes take none. */
export function diskUse(site: TestNode): number {
  const ran = spawnSync('du', ['-s', '-B1', metricsFolder(site)], { encoding: 'utf8' });
  return Number.parseInt(ran.stdout, 10);
}

interface Item {
  readonly kind: string;
  readonly metadata: Record<string, unknown> & { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** Kinds that tell nothing of a site, or that others make out of what is compared. */
const DERIVED =
  /^(pods|events|leases|endpoints|endpointslices|replicasets|controllerrevisions|nodes|csinodes|persistentvolumes|jobs|componentstatuses|apiservices|flowschemas|prioritylevelconfigurations|ipaddresses|servicecidrs|csistoragecapacities|volumeattachments|ingressclasses|storageclasses|priorityclasses|runtimeclasses)(\.|$)/;
const SERVER_SET = ['uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields', 'selfLink'];
/** Counters, marks of one life, and ours that say what was restored. */
const LIFE =
  /^(deployment\.kubernetes\.io\/revision|pv\.kubernetes\.io\/|volume\.(beta\.)?kubernetes\.io\/|kubectl\.kubernetes\.io\/last-applied|airgap\/restored$)/;
const OF_THE_PRODUCT = /^(runai|by-hand-)/;

/** Every object of the product and of its projects, without what only the server sets. */
export function objectFacts(site: TestNode): Record<string, unknown> {
  const kinds = site
    .kubectl('api-resources', '--verbs=list', '-o', 'name')
    .split('\n')
    .filter((name) => name !== '' && !DERIVED.test(name));
  const { items } = JSON.parse(site.kubectl('get', kinds.join(','), '-A', '-o', 'json')) as { items: Item[] };
  const pairs = items.filter(isCompared).map((item) => [nameOf(item), plain(item)] as const);
  return Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isCompared(item: Item): boolean {
  const { kind, metadata } = item;
  const { name, namespace } = metadata;
  if (/^(helm\.sh\/|airgap\/|kubernetes\.io\/service-account-token)/.test(String(item['type']))) return false;
  if (kind === 'CustomResourceDefinition') return /run\.ai$/.test(name);
  if (namespace !== undefined) return OF_THE_PRODUCT.test(namespace) && name !== 'kube-root-ca.crt';
  const group = String(item['apiVersion']);
  return /run\.ai\//.test(group) || OF_THE_PRODUCT.test(name);
}

function nameOf({ kind, metadata }: Item): string {
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name}`;
}

function plain(item: Item): unknown {
  const { status: _status, metadata, ...rest } = item;
  const kept = Object.fromEntries(Object.entries(metadata).filter(([name]) => !SERVER_SET.includes(name)));
  const notes = Object.entries((metadata['annotations'] ?? {}) as Record<string, unknown>);
  const annotations = Object.fromEntries(notes.filter(([name]) => !LIFE.test(name)));
  const {
    clusterIP,
    clusterIPs: _ips,
    volumeName: _volume,
    ...spec
  } = (rest['spec'] ?? {}) as Record<string, unknown>;
  // A headless service has an address by its text.
  const address = clusterIP === 'None' ? { clusterIP } : {};
  return { ...rest, metadata: { ...kept, annotations }, spec: { ...spec, ...address } };
}

/** What a site holds, to be compared after a restore. */
export interface Known {
  readonly tables: readonly string[];
  readonly files: readonly string[];
  readonly objects: Readonly<Record<string, unknown>>;
}

/** Fills database, metrics volume and cluster with what a restore must bring back. */
export function fillSite(site: TestNode, size: Size): Known {
  fillDatabase(site, size);
  fillVolume(site, size);
  fillObjects(site);
  return { tables: databaseFacts(site), files: fileFacts(site), objects: objectFacts(site) };
}
