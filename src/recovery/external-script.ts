import { SESSION } from './restore-script.js';

/** A name as PostgreSQL prints it. */
const NAME = '("([^"]|"")+"|[^" ]+)';

/**
 * Roles that a dump makes owners of something, and those that it grants something to: lines `owner NAME` and
 * `grantee NAME`. The table of contents at its start is enough. Arguments: user, size of the dump.
 */
export const DUMP_ROLES_SCRIPT = `${SESSION}
head -c "$2" | pg_restore --schema-only --file=- | sed -nE \\
  -e 's/^ALTER .* OWNER TO ${NAME};$/owner \\1/p' \\
  -e 's/^ALTER DEFAULT PRIVILEGES FOR ROLE ${NAME} .*/owner \\1/p' \\
  -e 's/^(ALTER DEFAULT PRIVILEGES .* )?GRANT .* TO ${NAME}( WITH GRANT OPTION)?;$/grantee \\2/p' | sort -u
exit "\${PIPESTATUS[1]}"
`;

/**
 * What a login may do with a server that others use too, and what is there: one JSON object. Arguments: user, JSON
 * {database, side, old, roles, extensions}. What it takes to make a role an owner has a name of its own since 16.
 */
export const RIGHTS_SCRIPT = `${SESSION}
sql -v asked="$2" <<'SQL'
WITH asked AS (SELECT * FROM json_to_record(:'asked') AS a(database text, side text, old text, roles json, extensions json))
SELECT json_build_object(
  'user', current_user, 'superuser', me.rolsuper, 'createdb', me.rolcreatedb, 'createrole', me.rolcreaterole,
  'number', current_setting('server_version_num')::int, 'recovery', pg_is_in_recovery(),
  'databases', coalesce((SELECT json_object_agg(datname, json_build_object('owner', pg_get_userbyid(datdba), 'mine', pg_has_role(datdba, 'USAGE')))
    FROM pg_database WHERE datname IN (database, side, old)), '{}'),
  'roles', coalesce((SELECT json_object_agg(name, CASE WHEN r.oid IS NULL THEN 'missing' WHEN r.rolsuper AND NOT me.rolsuper THEN 'administrator'
      WHEN pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION') AND pg_has_role(r.oid, 'USAGE') THEN 'admin'
      WHEN pg_has_role(r.oid, 'USAGE') AND pg_has_role(r.oid, CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END) THEN 'ours'
      ELSE 'foreign' END)
    FROM json_array_elements_text(roles) AS name LEFT JOIN pg_roles r ON r.rolname = name), '{}'),
  'lacking', coalesce((SELECT json_agg(name) FROM json_array_elements_text(extensions) AS name
    WHERE name NOT IN (SELECT e.name FROM pg_available_extensions e)), '[]'),
  'sessions', (SELECT count(*) FROM pg_stat_activity WHERE datname = database))
FROM asked, pg_roles me WHERE me.rolname = current_user;
SQL
`;
