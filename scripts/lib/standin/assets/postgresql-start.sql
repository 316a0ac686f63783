-- At every start, and a second time changes nothing. psql variables: user, version, grafana_user, grafana_password.
SET client_min_messages = warning;
SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', :'grafana_user', :'grafana_password')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'grafana_user') \gexec
SELECT format('CREATE SCHEMA grafana AUTHORIZATION %I', :'grafana_user')
  WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'grafana') \gexec
ALTER ROLE :"grafana_user" SET search_path = grafana;
SELECT format('SET ROLE %I', :'grafana_user') \gexec
CREATE TABLE IF NOT EXISTS grafana.dashboard (id integer PRIMARY KEY, title text NOT NULL);
INSERT INTO grafana.dashboard VALUES (1, 'Overview') ON CONFLICT DO NOTHING;
RESET ROLE;
SET ROLE :"user";
CREATE TABLE IF NOT EXISTS schema_migrations (version text PRIMARY KEY);
INSERT INTO schema_migrations VALUES (:'version') ON CONFLICT DO NOTHING;
