import type { TestNode } from '../install/support/node.js';

/** How much the cluster tests write: small unless AIRGAP_TEST_FULL=1 (2 million rows, 300 MB). */
export const SIZES =
  process.env['AIRGAP_TEST_FULL'] === '1' ? { rows: 2_000_000, files: 3000 } : { rows: 20_000, files: 200 };

/** Secrets that must never show anywhere. */
export const CANARIES = ['canary-role-9f31', 'canary-tls-77ab', 'canary-superuser-51c2', 'canary-user-0d4e'];

/** Tables in several schemas with large objects, sequences, an extension, a role and a view. */
export function fillDatabase(site: TestNode): void {
  const statements = [
    'CREATE EXTENSION IF NOT EXISTS pg_trgm',
    `CREATE ROLE reporting LOGIN PASSWORD '${CANARIES[0]}'`,
    'CREATE SCHEMA "odd ""Schema"',
    `CREATE TABLE jobs AS SELECT g AS id, md5(g::text) AS name, g * 1.5 AS gpu FROM generate_series(1, ${SIZES.rows}) g`,
    'ALTER TABLE jobs ADD PRIMARY KEY (id)',
    'CREATE TABLE "odd ""Schema"."Tab le" (id serial PRIMARY KEY, j jsonb, b bytea)',
    `INSERT INTO "odd ""Schema"."Tab le" (j, b) SELECT jsonb_build_object('n', g, 'ü', '%'), decode(md5(g::text), 'hex') FROM generate_series(1, ${SIZES.rows / 4}) g`,
    'CREATE INDEX ON jobs USING gin (name gin_trgm_ops)',
    'GRANT SELECT ON jobs TO reporting',
    "SELECT lo_from_bytea(0, convert_to(repeat('large object ', 10000), 'UTF8'))",
    `CREATE TABLE grafana.big AS SELECT g, repeat(md5(g::text), 20) AS t FROM generate_series(1, ${SIZES.rows / 8}) g`,
    'ALTER TABLE grafana.big OWNER TO grafana',
    'CREATE VIEW counted AS SELECT count(*) FROM jobs',
  ];
  site.must('psql', 'backend', statements.join(';\n'));
}

/** Hashes and counts of tables, by other means than airgap's own. */
export function tableHashes(site: TestNode): string {
  const tables = ['jobs', '"odd ""Schema"."Tab le"', 'grafana.big', 'users', 'tenants', 'grafana.dashboard'];
  const each = tables.map(
    (table) =>
      `SELECT '${table.replaceAll("'", "''")}', count(*)::text, md5(string_agg(x::text, '|' ORDER BY x::text)) FROM ${table} x`,
  );
  const rest = [
    "SELECT 'large objects', count(*)::text, md5(string_agg(md5(lo_get(oid)), '|' ORDER BY md5(lo_get(oid)))) FROM pg_largeobject_metadata",
    'SELECT \'sequence\', last_value::text, is_called::text FROM "odd ""Schema"."Tab le_id_seq"',
    "SELECT 'grants', grantee::text, privilege_type::text FROM information_schema.role_table_grants WHERE grantee = 'reporting'",
    "SELECT 'extension', extname::text, extversion FROM pg_extension WHERE extname = 'pg_trgm'",
    "SELECT 'role', rolname::text, md5(rolpassword) FROM pg_authid WHERE rolname IN ('reporting', 'grafana', 'backend', 'postgres')",
    "SELECT 'owner', tableowner::text, tablename::text FROM pg_tables WHERE tablename = 'big'",
  ];
  // A role that was made anew has another salt: only that of `reporting` comes from the backup.
  return site.must(
    'psql',
    'backend',
    [...each, ...rest].join(' UNION ALL ').replace("'grafana', 'backend', 'postgres'", "'reporting'"),
  );
}

const RECEIVE = [
  'exec',
  'kubectl',
  '-n',
  'runai-backend',
  'exec',
  'runai-backend-thanos-receive-0',
  '--',
  'sh',
  '-c',
];

/** Odd names, modes, hard and soft links, holes. */
export function fillVolume(site: TestNode): void {
  const script = `cd /var/thanos/receive && mkdir -p 'od d/ü' && i=0
    while [ $i -lt ${SIZES.files} ]; do dd if=/dev/urandom of="od d/f $i" bs=100k count=1 2>/dev/null; i=$((i+1)); done
    ln 'od d/f 1' 'od d/ü/hard'; ln -s '../f 2' 'od d/ü/soft'; chmod 0640 'od d/f 3'; touch 'od d/-n' 'od d/new
line'
    dd if=/dev/zero of=sparse bs=1 count=1 seek=50000000 2>/dev/null`;
  site.must(...RECEIVE, script);
}

/** Content hashes, modes, owners, link counts and times of every file. */
export function fileFacts(site: TestNode): string {
  const script = `cd /var/thanos/receive && find . -type f -exec sha256sum {} + | sort
    find . -exec stat -c '%n %a %u %g %s %h %Y' {} + | sort`;
  return site.must(...RECEIVE, script);
}

const OBJECTS = `apiVersion: v1
kind: Namespace
metadata: { name: runai-team-a, labels: { runai/queue: team-a } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: runai-job-executor-manual, namespace: runai-team-a }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: runai-job-executor }
subjects: [{ kind: User, name: alice@example.com, apiGroup: rbac.authorization.k8s.io }]
---
apiVersion: v1
kind: Secret
metadata: { name: runai-ca-cert, namespace: runai, labels: { run.ai/cluster-wide: 'true' } }
stringData: { runai-ca.pem: ${CANARIES[1]} }
`;

/** What operators make by hand: a project's namespace, a binding, a secret, a setting of RunaiConfig. */
export function fillObjects(site: TestNode, write: (name: string, text: string) => string): void {
  site.kubectl('apply', '-f', write('objects.yaml', OBJECTS));
  const patch = '{"spec":{"limitRange":{"mine":7},"workload-controller":{"externalAuthUrlEnabled":false}}}';
  site.kubectl('-n', 'runai', 'patch', 'runaiconfig', 'runai', '--type=merge', '-p', patch);
}

/** The same objects as they are now, less what the server sets. */
export function objectFacts(site: TestNode): unknown {
  const read = (...args: string[]): Record<string, unknown> => site.json('get', ...args);
  const config = read('runaiconfig', 'runai', '-n', 'runai');
  const binding = read('rolebinding', 'runai-job-executor-manual', '-n', 'runai-team-a');
  const namespace = read('namespace', 'runai-team-a') as { metadata: { labels: unknown } };
  const secret = read('secret', 'runai-ca-cert', '-n', 'runai') as {
    data: unknown;
    metadata: { labels: unknown };
  };
  const passwords = read('secret', 'runai-backend-postgresql', '-n', 'runai-backend');
  return {
    config: config['spec'],
    binding: [binding['roleRef'], binding['subjects']],
    labels: namespace.metadata.labels,
    secret: [secret.data, secret.metadata.labels],
    passwords: passwords['data'],
  };
}
