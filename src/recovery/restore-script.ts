import { SUMS_CLOSE, SUMS_OPEN } from './dump-script.js';

/**
 * The programs of a restore inside the database's pod. As with a dump the first line of standard input is the
 * password; names reach SQL as psql variables and are quoted there.
 */
const SESSION = `
set -u -o pipefail
export LC_ALL=C PGHOST=127.0.0.1 PGUSER="$1" PGDATABASE=template1 PGAPPNAME=airgap PGCONNECT_TIMEOUT=15
export PGOPTIONS='-c statement_timeout=0 -c client_min_messages=warning'
IFS= read -r PGPASSWORD || { echo 'no password came' >&2; exit 90; }
export PGPASSWORD
sql() { psql -XAtqw -v ON_ERROR_STOP=1 "$@"; }
`;

const END_SESSIONS = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :'name' AND pid <> pg_backend_pid()`;

/** Databases with their comments, and roles: one JSON object. */
export const STATE_SCRIPT = `${SESSION}
sql <<'SQL'
SELECT json_build_object('databases', (SELECT json_object_agg(datname, coalesce(shobj_description(oid, 'pg_database'), '')) FROM pg_database), 'roles', (SELECT json_agg(rolname) FROM pg_roles));
SQL
`;

/** Statements of roles, in one transaction; the second argument is their size in bytes. */
export const ROLES_SCRIPT = `${SESSION}
head -c "$2" | sql --single-transaction -f -
`;

/** Arguments: user, side, owner, encoding, collate, ctype, conninfo of side, size of the dump. */
export const RESTORE_SCRIPT = `${SESSION}
sql -v name="$2" <<'SQL' >/dev/null || exit 91
${END_SESSIONS};
DROP DATABASE IF EXISTS :"name";
SQL
sql -v name="$2" -v owner="$3" -v encoding="$4" -v collate="$5" -v ctype="$6" <<'SQL' || exit 92
CREATE DATABASE :"name" OWNER :"owner" TEMPLATE template0 ENCODING :'encoding' LC_COLLATE :'collate' LC_CTYPE :'ctype';
SQL
${SUMS_OPEN}
head -c "$8" | tee /dev/fd/7 /dev/fd/8 | pg_restore --exit-on-error --single-transaction --no-password -d "$7"
status=$?
${SUMS_CLOSE}
exit "$status"
`;

/** Arguments: user, database, comment. */
export const MARK_SCRIPT = `${SESSION}
sql -v name="$2" -v mark="$3" <<'SQL'
COMMENT ON DATABASE :"name" IS :'mark';
SQL
`;

/** Arguments: user, live, side, old. Both names change in one transaction, or neither. */
export const SWAP_SCRIPT = `${SESSION}
sql -v name="$2" -v side="$3" -v old="$4" <<'SQL' >/dev/null
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:'name', :'side') AND pid <> pg_backend_pid();
BEGIN;
SELECT format('ALTER DATABASE %I RENAME TO %I', :'name', :'old') WHERE EXISTS (SELECT FROM pg_database WHERE datname = :'name') \\gexec
ALTER DATABASE :"side" RENAME TO :"name";
COMMIT;
SQL
`;

/** Arguments: user, database. */
export const DROP_SCRIPT = `${SESSION}
sql -v name="$2" <<'SQL' >/dev/null
${END_SESSIONS};
DROP DATABASE IF EXISTS :"name";
SQL
`;
