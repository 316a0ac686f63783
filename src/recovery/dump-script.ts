/**
 * The programs that run inside the database's pod. Each reads the password as the first line of its standard input,
 * so that it stands in no command line; user and database are arguments. What is dumped goes to standard output; on
 * its way it is counted and hashed, and the sums follow on standard error in lines that begin with `airgap:`.
 */

/** Fixed settings, so that a row has the same text at backup and at restore. */
const SESSION = `
set -u -o pipefail
export LC_ALL=C PGHOST="\${AIRGAP_HOST:-127.0.0.1}" PGUSER="$1" PGDATABASE="$2" PGAPPNAME=airgap PGCONNECT_TIMEOUT=15 PGTZ=UTC
export PGOPTIONS='-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c extra_float_digits=3 -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex -c row_security=off'
IFS= read -r PGPASSWORD || { echo 'no password came' >&2; exit 90; }
export PGPASSWORD
`;

/**
 * The sums come back through a pipe and are read from it: bash does not wait for all such processes. openssl, where the
 * image has it, uses the processor's own instructions and needs a quarter of the time. `counted` passes a stream on in
 * large pieces, whatever sizes it comes in: what lies between a pod and us works by the piece, not by the byte. When
 * whoever reads is gone it still says how far it came.
 */
export const SUMS_OPEN = `
exec 9<> <(:)
hash() { if command -v openssl >/dev/null; then openssl dgst -sha256 -r; else sha256sum; fi; }
counted() {
  local said last status
  trap '' PIPE
  { said=$(dd ibs=65536 obs=65536 2>&1 >&3 3>&-); } 3>&1
  status=$?
  last=\${said##*$'\\n'}
  printf '%s\\n' "$said" | grep '^dd: ' | grep -v 'Broken pipe' >&2
  echo "bytes \${last%% *}" >&9
  return "$status"
}
exec 7> >(sum=$(hash); echo "sha256 \${sum%% *}" >&9)
`;

/** The writing end is closed, then both sums are waited for. */
export const SUMS_CLOSE = `
exec 7>&-
for each in 1 2; do IFS= read -r -t 600 line <&9 && echo "airgap:$line" >&2; done
exec 9>&-
`;

/** The last line of answers that are lines: a number that was cut off would be another number. */
export const END_OF_ANSWER = 'end-of-answer';

/** What a table holds, as count and a sum over its rows that does not hang on their order. */
const ROW_HASH = `coalesce(sum((''x''||substr(md5(airgap_row::text),1,16))::bit(64)::bigint),0)::text`;

const NOT_OURS = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`;

/** Tables ('r') or sequences ('S') of the product, in a fixed order. */
const allOf = (relkind: 'r' | 'S'): string =>
  `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = '${relkind}' AND c.relpersistence <> 't' AND ${NOT_OURS.replace(/\s+/g, ' ')} ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/** Queries that describe a database, one JSON object a line. */
export const FACTS_SQL = `
SELECT json_build_object('kind','database','server',current_setting('server_version'),'number',current_setting('server_version_num')::int,'size',pg_database_size(current_database()),'encoding',pg_encoding_to_char(encoding),'collate',datcollate,'ctype',datctype,'owner',pg_get_userbyid(datdba)) FROM pg_database WHERE datname = current_database();
SELECT json_build_object('kind','extension','name',extname,'version',extversion) FROM pg_extension ORDER BY extname;
SELECT format('SELECT json_build_object(''kind'',''table'',''schema'',%L::text,''name'',%L::text,''rows'',count(*),''hash'',${ROW_HASH}) FROM ONLY %I.%I AS airgap_row;', n.nspname, c.relname, n.nspname, c.relname) ${allOf('r')} \\gexec
SELECT format('SELECT json_build_object(''kind'',''sequence'',''schema'',%L::text,''name'',%L::text,''value'',last_value::text,''called'',is_called) FROM %I.%I;', n.nspname, c.relname, n.nspname, c.relname) ${allOf('S')} \\gexec
SELECT json_build_object('kind','setting','role',CASE d.setrole WHEN 0 THEN '' ELSE pg_get_userbyid(d.setrole) END,'setting',s) FROM pg_db_role_setting d CROSS JOIN unnest(d.setconfig) s WHERE d.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY d.setrole <> 0, pg_get_userbyid(d.setrole) COLLATE "C", s COLLATE "C";
SELECT json_build_object('kind','grant','grantee',CASE a.grantee WHEN 0 THEN '' ELSE pg_get_userbyid(a.grantee) END,'privilege',a.privilege_type,'grantable',a.is_grantable) FROM pg_database d CROSS JOIN aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE d.datname = current_database() ORDER BY a.grantee <> 0, pg_get_userbyid(a.grantee) COLLATE "C", a.privilege_type COLLATE "C";
SELECT json_build_object('kind','largeObjects','count',count(*),'hash',coalesce(sum(('x'||substr(md5(lo_get(oid)),1,16))::bit(64)::bigint),0)::text) FROM pg_largeobject_metadata;
`.trim();

/**
 * Dumps one database in custom format, and describes it in the very snapshot that the dump is of: a session holds the
 * snapshot and counts while pg_dump reads. It ends only after pg_dump, and with this program whatever happens. Where the
 * server runs beside us its process gives way: to the dump, and to whoever works with the database.
 */
export const DUMP_SCRIPT = `${SESSION}
coproc SQL { exec psql -XAtqw -v ON_ERROR_STOP=1; }
session=$SQL_PID facts=
trap 'kill $session $facts 2>/dev/null' EXIT
exec 4>&"\${SQL[1]}" 5<&"\${SQL[0]}"
printf '%s\\n' 'SELECT pg_backend_pid();' 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;' 'SELECT pg_export_snapshot();' >&4
{ IFS= read -r backend && IFS= read -r snapshot; } <&5 || { echo 'the database gives no snapshot' >&2; exit 91; }
[ -n "\${AIRGAP_HOST:-}" ] || renice -n 10 -p "$backend" >/dev/null 2>&1 || :
cat >&4 <<'FACTS'
${FACTS_SQL}
\\echo end-of-facts
FACTS
{
  while IFS= read -r line; do
    [ "$line" != end-of-facts ] || exit 0
    printf 'airgap:fact %s\\n' "$line"
  done
  echo 'the tables could not be counted'
  exit 92
} <&5 >&2 4>&- &
facts=$!
${SUMS_OPEN}
pg_dump --format=custom --compress=1 --no-password --snapshot="$snapshot" | tee /dev/fd/7 | counted
status=$?
${SUMS_CLOSE}
[ "$status" = 0 ] || exit "$status"
wait "$facts" || exit 92
printf '\\\\q\\n' >&4
wait "$session" 2>/dev/null
exit 0
`;

/** Describes a database as it is now. */
export const FACTS_SCRIPT = `${SESSION}
{ printf '%s\\n' 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;'
cat <<'FACTS'
${FACTS_SQL}
FACTS
} | psql -XAtqw -v ON_ERROR_STOP=1
`;

/** The names of the databases that are no templates, as JSON, for a query between double quotes of bash. */
const DATABASES = `(SELECT json_agg(datname ORDER BY datname COLLATE \\"C\\") FROM pg_database WHERE NOT datistemplate AND datallowconn)`;

/** One line of JSON: what tells this data directory from every other, and the databases that are no templates. */
export const SERVER_SCRIPT = `${SESSION}
psql -XAtqw -v ON_ERROR_STOP=1 -c "SELECT json_build_object('server', (SELECT system_identifier::text FROM pg_control_system()), 'databases', ${DATABASES})"
`;

/** The number of rows of each table, one a line: what can be had without reading what is in them. */
export const COUNT_SCRIPT = `${SESSION}
{ printf '%s\\n' 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;'
cat <<'COUNTS'
SELECT format('SELECT count(*) FROM ONLY %I.%I;', n.nspname, c.relname) ${allOf('r')} \\gexec
\\echo ${END_OF_ANSWER}
COUNTS
} | psql -XAtqw -v ON_ERROR_STOP=1
`;

/** Roles, with their password hashes unless the third argument says otherwise, tablespaces and settings of roles. */
export const GLOBALS_SCRIPT = `${SESSION}
${SUMS_OPEN}
pg_dumpall --globals-only --no-password \${3:-} --database="$2" | tee /dev/fd/7 | counted
status=$?
${SUMS_CLOSE}
exit "$status"
`;

const UNREADABLE = `SELECT json_agg(format('%I.%I', n.nspname, c.relname)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))`;

/**
 * One line of JSON: the databases that are no templates, what of the own one may not be read, and the versions of
 * server and tool.
 */
export const LIST_SCRIPT = `${SESSION}
psql -XAtqw -v ON_ERROR_STOP=1 -c "SELECT json_build_object('databases', ${DATABASES}, 'server', current_setting('server_version'), 'number', current_setting('server_version_num')::int, 'recovery', pg_is_in_recovery(), 'superuser', (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), 'unreadable', coalesce((${UNREADABLE}), '[]'::json))" || exit
pg_dump --version && echo ${END_OF_ANSWER}
`;

/** What the server holds in memory goes to its disk. */
export const CHECKPOINT_SCRIPT = `${SESSION}
psql -XAtqw -v ON_ERROR_STOP=1 -c CHECKPOINT
`;

/** Bytes of all databases that are no templates, indexes and free room in them included. */
export const SIZE_SCRIPT = `${SESSION}
psql -XAtqw -v ON_ERROR_STOP=1 -c 'SELECT coalesce(sum(pg_database_size(oid)), 0) FROM pg_database WHERE NOT datistemplate AND datallowconn' && echo ${END_OF_ANSWER}
`;
