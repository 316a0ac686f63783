import { SUMS_CLOSE, SUMS_OPEN } from './dump-script.js';

/**
 * The programs of a restore inside the database's pod. As with a dump the first line of standard input is the
 * password; names reach SQL as psql variables and are quoted there.
 */
export const SESSION = `
set -u -o pipefail
export LC_ALL=C PGHOST="\${AIRGAP_HOST:-127.0.0.1}" PGUSER="$1" PGDATABASE="\${AIRGAP_FROM:-template1}" PGAPPNAME=airgap PGCONNECT_TIMEOUT=15
export PGOPTIONS='-c statement_timeout=0 -c client_min_messages=warning'
IFS= read -r PGPASSWORD || { echo 'no password came' >&2; exit 90; }
export PGPASSWORD
sql() { psql -XAtqw -v ON_ERROR_STOP=1 -v VERBOSITY=terse "$@"; }
`;

/** What PostgreSQL adds to an error out of rows and statements is left out: they may be secrets. */
const WITHOUT_ROWS = `{
  skip=
  while IFS= read -r line; do
    case $line in
    pg_restore:*) skip= ;;
    CONTEXT:*) skip=1; printf '%s\\n' "\${line%%: \\"*}" ;;
    DETAIL:* | STATEMENT:* | 'LINE '* | 'Command was:'*) skip=1 ;;
    esac
    [ -n "$skip" ] || printf '%s\\n' "$line"
  done
} >&2`;

/** Sessions that a login may end; one more that nobody may end here keeps the database's name, and that is said. */
const MAY_END = `pid <> pg_backend_pid() AND ((SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
  OR NOT coalesce((SELECT rolsuper FROM pg_roles WHERE pg_roles.oid = usesysid), true)
    AND (pg_has_role(usesysid, 'USAGE') OR pg_has_role('pg_signal_backend', 'USAGE')))`;
const END_SESSIONS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :'name' AND ${MAY_END}`;

/** Databases with their comments, and roles: one JSON object. */
export const STATE_SCRIPT = `${SESSION}
sql <<'SQL'
SELECT json_build_object('databases', (SELECT json_object_agg(datname, coalesce(shobj_description(oid, 'pg_database'), '')) FROM pg_database), 'roles', (SELECT json_agg(rolname) FROM pg_roles));
SQL
`;

/**
 * What tells this data directory from another: one JSON object. The system identifier is made by initdb and begins with
 * the seconds since the epoch then; every login may read it from PostgreSQL 9.6 on.
 */
export const MADE_SCRIPT = `${SESSION}
sql <<'SQL'
SELECT json_build_object('age', floor(extract(epoch FROM clock_timestamp()))::bigint - ((system_identifier >> 32) & 4294967295),
  'system', system_identifier::text, 'oids', (SELECT json_object_agg(datname, oid::text) FROM pg_database)) FROM pg_control_system();
SQL
`;

/** The number of the server's version, and a line with that of pg_restore. */
export const VERSIONS_SCRIPT = `${SESSION}
sql -c 'SHOW server_version_num' || exit
pg_restore --version
`;

/** Statements of roles, in one transaction; the second argument is their size in bytes. */
export const ROLES_SCRIPT = `${SESSION}
head -c "$2" | sql --single-transaction -f -
`;

/**
 * Arguments: user, side, owner, encoding, collate, ctype, conninfo of side, size of the dump. When it fails it drops
 * the database that it made, found by its oid: a run that goes on may have made another one of that name by then.
 */
export const RESTORE_SCRIPT = `${SESSION}
own=$(sql -v name="$2" -v owner="$3" -v encoding="$4" -v collate="$5" -v ctype="$6" <<'SQL'
\\o /dev/null
${END_SESSIONS};
DROP DATABASE IF EXISTS :"name";
\\o
CREATE DATABASE :"name" OWNER :"owner" TEMPLATE template0 ENCODING :'encoding' LC_COLLATE :'collate' LC_CTYPE :'ctype';
SELECT oid FROM pg_database WHERE datname = :'name';
SQL
) || exit 91
${SUMS_OPEN}
head -c "$8" | counted | tee /dev/fd/7 | pg_restore --exit-on-error --single-transaction --no-tablespaces --no-password -d "$7" 2>&1 | ${WITHOUT_ROWS}
status=$?
${SUMS_CLOSE}
[ "$status" = 0 ] && exit
sql -v own="$own" <<'SQL' && echo 'airgap:dropped' >&2
SELECT format('DROP DATABASE %I', datname) FROM pg_database WHERE oid = :'own'::oid \\gexec
SQL
exit "$status"
`;

/**
 * Settings and grants of the database itself, which no dump restores under another name. Arguments: user, database;
 * after the password comes one line of JSON, because settings may be secrets. psql gets it as data.
 */
export const SETTINGS_SCRIPT = `${SESSION}
IFS= read -r facts || exit 91
{
cat <<'SQL'
BEGIN;
CREATE TEMP TABLE given (facts text) ON COMMIT DROP;
COPY given FROM STDIN WITH (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02');
SQL
printf '%s\\n\\\\.\\n' "$facts"
cat <<'SQL'
CREATE TEMP TABLE settings ON COMMIT DROP AS
SELECT role, split_part(setting, '=', 1) AS parameter, substr(setting, strpos(setting, '=') + 1) AS value,
  split_part(setting, '=', 1) IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', 'local_preload_libraries') AS listed
FROM given, json_to_recordset(facts::json -> 'settings') AS s(role text, setting text)
WHERE setting ~ '^[A-Za-z_][A-Za-z0-9_$]*([.][A-Za-z_][A-Za-z0-9_$]*)*=';
CREATE TEMP TABLE grants ON COMMIT DROP AS
SELECT * FROM given, json_to_recordset(facts::json -> 'grants') AS g(grantee text, privilege text, grantable boolean)
WHERE privilege IN ('CREATE', 'CONNECT', 'TEMPORARY');
SELECT CASE WHEN listed THEN format('SELECT set_config(%L, %L, true)', parameter, value) END,
  format('ALTER %s SET %s %s', CASE role WHEN '' THEN format('DATABASE %I', :'name') ELSE format('ROLE %I IN DATABASE %I', role, :'name') END,
    parameter, CASE WHEN listed THEN 'FROM CURRENT' ELSE format('TO %L', value) END)
FROM settings ORDER BY role, parameter \\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC, %I', :'name', pg_get_userbyid(datdba)) FROM pg_database
WHERE datname = :'name' AND EXISTS (SELECT FROM grants) \\gexec
SELECT format('GRANT %s ON DATABASE %I TO %s%s', privilege, :'name', CASE grantee WHEN '' THEN 'PUBLIC' ELSE format('%I', grantee) END,
  CASE WHEN grantable THEN ' WITH GRANT OPTION' ELSE '' END) FROM grants ORDER BY grantee, privilege \\gexec
COMMIT;
SQL
} | sql -v name="$2" >/dev/null
`;

/** Arguments: user, database, comment. */
export const MARK_SCRIPT = `${SESSION}
sql -v name="$2" -v mark="$3" <<'SQL'
COMMENT ON DATABASE :"name" IS :'mark';
SQL
`;

/**
 * Arguments: user, JSON list of {name, side, old}. All names change in one transaction, or none. Somebody who
 * connects in between keeps a database from being renamed: then once more.
 */
export const SWAP_SCRIPT = `${SESSION}
for try in 1 2 3 4 5; do
sql -v swaps="$2" <<'SQL' >/dev/null
CREATE TEMP TABLE swaps AS SELECT * FROM json_to_recordset(:'swaps') AS s(name text, side text, old text);
SELECT pg_terminate_backend(pid) FROM pg_stat_activity, swaps WHERE datname IN (name, side) AND ${MAY_END};
BEGIN;
SELECT format('ALTER DATABASE %I RENAME TO %I', name, old) FROM swaps WHERE EXISTS (SELECT FROM pg_database WHERE datname = name) \\gexec
SELECT format('ALTER DATABASE %I RENAME TO %I', side, name) FROM swaps \\gexec
COMMIT;
SQL
status=$?
[ "$status" = 0 ] && exit
sleep 1
done
exit "$status"
`;

/** Arguments: user, database. */
export const DROP_SCRIPT = `${SESSION}
sql -v name="$2" <<'SQL' >/dev/null
${END_SESSIONS};
DROP DATABASE IF EXISTS :"name";
SQL
`;
