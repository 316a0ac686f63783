import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { TestNode } from '../../install/support/node.js';

/** How much a site holds. */
export interface Size {
  /** Of all tables. */
  readonly rows: number;
  /** Files of 100 kB on the metrics volume. */
  readonly files: number;
}

/** What CI restores, and what scripts/test-full restores: 2 million rows and 300 MB. */
export const SMALL: Size = { rows: 50_000, files: 100 };
export const FULL: Size = { rows: 2_000_000, files: 3000 };

/** Begins what the test writes itself, secrets too: its command lines are not airgap's. */
export const OF_THE_TEST = "SELECT 'of the test'";

/** Rows of `jobs`, of so many in all tables. */
export const rowsOfJobs = (rows: number): number => Math.floor(rows * 0.3);

/** Secrets that must never show anywhere. */
export const CANARIES = [
  'canary-role-9f31',
  'canary-tls-77ab',
  'canary-superuser-51c2',
  'canary-user-0d4e',
  'canary-setting-3b60',
];

/**
 * Tables in several schemas with large objects, sequences, an extension, roles and a view; a second database with an
 * odd name; settings and grants of the database itself. `jobs` refuses rows from `airgap_test.poison` on where that is
 * set: nothing in the live database sets it. `later` follows it in the dump, because pg_restore only hears at the end
 * of a table that the server refused one of its rows.
 */
export function fillDatabase(site: TestNode, { rows }: Size): void {
  const jobs = rowsOfJobs(rows);
  const statements = [
    OF_THE_TEST,
    'CREATE EXTENSION IF NOT EXISTS pg_trgm',
    `CREATE ROLE reporting LOGIN PASSWORD '${CANARIES[0]}'`,
    'CREATE ROLE "odd ""Role"" ü" NOLOGIN',
    'GRANT "odd ""Role"" ü" TO reporting WITH ADMIN OPTION',
    "ALTER ROLE reporting SET work_mem = '8MB'",
    'CREATE SCHEMA "odd ""Schema"',
    `CREATE FUNCTION allowed(row_id int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
      RETURN row_id < coalesce(nullif(current_setting('airgap_test.poison', true), '')::int, 2147483647); END $$`,
    `CREATE TABLE jobs (id int PRIMARY KEY CHECK (allowed(id)), name text, gpu numeric)`,
    `INSERT INTO jobs SELECT g, md5(g::text), g * 1.5 FROM generate_series(1, ${jobs}) g`,
    'CREATE INDEX ON jobs USING gin (name gin_trgm_ops)',
    'CREATE TABLE later (id int PRIMARY KEY, name text, gpu numeric)',
    `INSERT INTO later SELECT g, md5((g * 3)::text), g * 2.5 FROM generate_series(1, ${jobs}) g`,
    'GRANT SELECT ON jobs TO reporting',
    'CREATE TABLE "odd ""Schema"."Tab le" (id serial PRIMARY KEY, j jsonb, b bytea)',
    `INSERT INTO "odd ""Schema"."Tab le" (j, b) SELECT jsonb_build_object('n', g, 'ü', '%'), decode(md5(g::text), 'hex') FROM generate_series(1, ${Math.floor(rows * 0.2)}) g`,
    `CREATE TABLE "odd ""Schema".parted (id int, at date) PARTITION BY RANGE (at)`,
    `CREATE TABLE "odd ""Schema".parted_1 PARTITION OF "odd ""Schema".parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')`,
    `CREATE TABLE "odd ""Schema".parted_2 PARTITION OF "odd ""Schema".parted DEFAULT`,
    `INSERT INTO "odd ""Schema".parted SELECT g, date '2024-01-01' + g % 700 FROM generate_series(1, ${Math.floor(rows * 0.1)}) g`,
    `CREATE TABLE grafana.big AS SELECT g, repeat(md5(g::text), 20) AS t FROM generate_series(1, ${Math.floor(rows * 0.1)}) g`,
    'ALTER TABLE grafana.big OWNER TO grafana',
    'CREATE SEQUENCE lonely START 41 INCREMENT 7',
    "SELECT nextval('lonely')",
    "SELECT lo_from_bytea(0, convert_to(repeat('large object ', 100000), 'UTF8'))",
    "SELECT lo_from_bytea(0, '')",
    'CREATE VIEW counted AS SELECT count(*) FROM jobs',
    `ALTER DATABASE backend SET airgap_test.note = 'it''s ${CANARIES[4]} = \\x'`,
    'ALTER DATABASE backend SET search_path = "$user", public, "odd ""Schema"',
    'ALTER ROLE reporting IN DATABASE backend SET statement_timeout = 42000',
    'REVOKE CONNECT ON DATABASE backend FROM PUBLIC',
    'GRANT CONNECT, TEMPORARY ON DATABASE backend TO reporting WITH GRANT OPTION',
  ];
  site.must('psql', 'backend', statements.join(';\n'));
  site.must('psql', 'postgres', 'CREATE DATABASE "second ü" OWNER grafana');
  site.must('psql', 'second ü', "CREATE TABLE t AS SELECT g, 'x''\\' AS s FROM generate_series(1, 500) g");
}

/** What `fillVolume` and `fileFacts` need to know: where the volume lies on this machine. */
export function metricsFolder(site: TestNode): string {
  const pod = site.json('-n', 'runai-backend', 'get', 'pod', 'runai-backend-thanos-receive-0') as {
    spec: { volumes: { persistentVolumeClaim?: { claimName: string } }[] };
  };
  const claim = pod.spec.volumes.find((volume) => volume.persistentVolumeClaim)?.persistentVolumeClaim
    ?.claimName;
  const bound = site.json('-n', 'runai-backend', 'get', 'pvc', claim ?? '') as {
    spec: { volumeName: string };
  };
  const volume = site.json('get', 'pv', bound.spec.volumeName) as { spec: { hostPath: { path: string } } };
  return volume.spec.hostPath.path;
}

/** Odd names, owners, modes, times; hard and soft links; holes. */
export function fillVolume(site: TestNode, { files }: Size): void {
  const folder = join(metricsFolder(site), 'default-tenant');
  const at = (...names: string[]): string => join(folder, ...names);
  const odd = ['-n', 'new\nline', 'back\\slash', 'quote\'s "two"', '*?[a]', 'ü ñ 漢', 'x'.repeat(255), ' '];
  mkdirSync(at('od d', 'ü', 'empty'), { recursive: true });
  for (let index = 0; index < files; index++)
    writeFileSync(
      at('od d', `f ${index}`),
      index % 10 === 0 ? Buffer.alloc(102_400, index) : randomBytes(102_400),
    );
  for (const name of odd) writeFileSync(at('od d', name), name);
  linkSync(at('od d', 'f 1'), at('od d', 'ü', 'hard'));
  linkSync(at('od d', 'f 1'), at('od d', 'ü', 'hard 2'));
  symlinkSync('../f 2', at('od d', 'ü', 'soft'));
  symlinkSync('/etc/passwd', at('od d', 'ü', 'soft abroad'));
  symlinkSync('nowhere', at('od d', 'ü', 'soft broken'));
  writeFileSync(at('sparse'), 'x');
  truncateSync(at('sparse'), 50_000_000);
  const middle = openSync(at('sparse'), 'r+');
  writeSync(middle, Buffer.alloc(4096, 'y'), 0, 4096, 25_000_000);
  chownSync(at('od d', 'f 3'), 1234, 5678);
  chownSync(at('od d', 'ü'), 65534, 1001);
  chmodSync(at('od d', 'f 4'), 0o4640);
  chmodSync(at('od d', 'f 5'), 0o000);
  chmodSync(at('od d', 'ü', 'empty'), 0o3711);
}

const ACCOUNTS = ['project-controller', 'job-controller', 'scheduler', 'admission-controller'];

const OBJECTS = `apiVersion: v1
kind: Namespace
metadata: { name: by-hand-a, labels: { runai/queue: team-a, team: a }, annotations: { owner: alice } }
---
apiVersion: v1
kind: Namespace
metadata: { name: by-hand-b, labels: { runai/queue: team-b } }
---
apiVersion: run.ai/v2alpha2
kind: Project
metadata: { name: team-a }
spec: { deservedGpus: 2, department: research, queues: [], permissions: { users: [alice@example.com] } }
---
apiVersion: run.ai/v2alpha2
kind: Project
metadata: { name: team-b }
spec: { deservedGpus: 0.5, department: default, queues: [] }
---
apiVersion: scheduling.run.ai/v2alpha2
kind: Department
metadata: { name: research }
spec: { deservedGpus: 4, queues: [] }
---
apiVersion: run.ai/v1alpha1
kind: NodePool
metadata: { name: big }
spec: { labelKey: size, labelValue: big }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: runai-job-executor-manual, namespace: by-hand-a }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: runai-job-executor }
subjects: [{ kind: User, name: alice@example.com, apiGroup: rbac.authorization.k8s.io }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: looker, namespace: by-hand-b }
rules: [{ apiGroups: [''], resources: [pods], verbs: [get, list] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: lookers, namespace: by-hand-b }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: looker }
subjects: [{ kind: Group, name: bobs, apiGroup: rbac.authorization.k8s.io }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: runai-job-viewer-manual }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }
subjects: [{ kind: User, name: carol@example.com, apiGroup: rbac.authorization.k8s.io }]
---
apiVersion: v1
kind: Secret
metadata: { name: runai-ca-cert, namespace: runai, labels: { run.ai/cluster-wide: 'true' } }
stringData: { runai-ca.pem: ${CANARIES[1]} }
---
apiVersion: v1
kind: Secret
metadata: { name: runai-ca-cert, namespace: runai-backend }
stringData: { runai-ca.pem: ${CANARIES[1]} }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: shared-settings, namespace: runai, labels: { run.ai/cluster-wide: 'true' } }
data: { a: b }
${ACCOUNTS.map(
  (account) => `---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: runai-${account}-project, namespace: by-hand-a }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: runai-${account}-project }
subjects: [{ kind: ServiceAccount, name: runai-${account}, namespace: runai }]
`,
).join('')}`;

/** What operators make by hand: projects with their namespaces and bindings, secrets, settings, patches. */
export function fillObjects(site: TestNode): void {
  const file = join(site.folder, 'objects.yaml');
  writeFileSync(file, OBJECTS, { mode: 0o600 });
  site.kubectl('apply', '-f', file);
  const star = JSON.parse(
    site.kubectl('-n', 'runai', 'get', 'secret', 'runai-cluster-domain-tls-secret', '-o', 'json'),
  );
  const copy = join(site.folder, 'star.json');
  writeFileSync(
    copy,
    JSON.stringify({
      ...star,
      metadata: { name: 'runai-cluster-domain-star-tls-secret', namespace: 'runai' },
    }),
    { mode: 0o600 },
  );
  site.kubectl('apply', '-f', copy);
  const patch = '{"spec":{"limitRange":{"mine":7},"workload-controller":{"externalAuthUrlEnabled":false}}}';
  site.kubectl('-n', 'runai', 'patch', 'runaiconfig', 'runai', '--type=merge', '-p', patch);
  site.kubectl(
    '-n',
    'runai-backend',
    'annotate',
    'ing',
    'runai-backend-ingress',
    'cert-manager.io/issuer=corp',
  );
}

/** The passwords of a site's database as values of its era. */
export function passwordValues(version: string): unknown {
  const auth = { password: CANARIES[3], postgresPassword: CANARIES[2] };
  return version.startsWith('2.9.') ? { postgresql: { auth } } : { global: { postgresql: { auth } } };
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
