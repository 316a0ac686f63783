#!/bin/sh
# Starts PostgreSQL the way the product's database image does: an empty volume gets a new cluster with the
# passwords of the environment, a filled one is used as it is, with the passwords that it holds.
set -eu

: "${PGDATA:=/bitnami/postgresql/data}"
: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=backend}"
: "${POSTGRES_PASSWORD:?is not set}"
: "${POSTGRES_POSTGRES_PASSWORD:=$POSTGRES_PASSWORD}"
: "${GRAFANA_DB_USER:=grafana}"
: "${GRAFANA_DB_PASSWORD:=grafana}"
: "${PRODUCT_VERSION:=0.0.0}"
scripts=/opt/bitnami/scripts
settings="-c listen_addresses=* -c shared_buffers=16MB -c max_connections=60 -c max_wal_size=256MB -c jit=off"

say() { echo "postgresql: $*"; }

# The new cluster gets its name only when it is whole: a start that was killed begins again.
new_cluster() {
	say "no data in $PGDATA, making a new cluster"
	rm -rf "$PGDATA.partial"
	printf '%s\n' "$POSTGRES_POSTGRES_PASSWORD" >"$private/superuser"
	initdb -D "$PGDATA.partial" -U postgres --pwfile="$private/superuser" -E UTF8 --locale=C.UTF-8 \
		--auth-local=scram-sha-256 --auth-host=scram-sha-256 >/dev/null
	printf '%s\n' 'host all all 0.0.0.0/0 scram-sha-256' 'host all all ::/0 scram-sha-256' \
		>>"$PGDATA.partial/pg_hba.conf"
	rm -f "$private/superuser"
	started "$PGDATA.partial" init
	mv "$PGDATA.partial" "$PGDATA"
}

# started DATA PHASE: runs the SQL of the phase on a server that only this script can reach.
started() {
	data=$1 phase=$2
	printf 'local all all trust\n' >"$private/hba"
	pg_ctl -D "$data" -w -s -l "$private/log" -o "-k $private -c listen_addresses= -c hba_file=$private/hba" start ||
		{ cat "$private/log" && exit 1; }
	if [ "$phase" = init ]; then sql postgres init; fi
	# A database that a restore has renamed away, or one with other owners, must not keep the server down.
	sql "$POSTGRES_DB" start || say "no start-up changes in database $POSTGRES_DB"
	pg_ctl -D "$data" -w -s -m fast stop
}

sql() {
	psql -h "$private" -U postgres -d "$1" -q -v ON_ERROR_STOP=1 -v db="$POSTGRES_DB" \
		-v user="$POSTGRES_USER" -v password="$POSTGRES_PASSWORD" -v version="$PRODUCT_VERSION" \
		-v grafana_user="$GRAFANA_DB_USER" -v grafana_password="$GRAFANA_DB_PASSWORD" -f "$scripts/$2.sql"
}

private=$(mktemp -d /tmp/start.XXXXXX)
umask 077
if [ -s "$PGDATA/PG_VERSION" ]; then
	say "using the data in $PGDATA"
	started "$PGDATA" start
else
	new_cluster
fi
rm -rf "$private"
# shellcheck disable=SC2086
exec postgres -D "$PGDATA" -k /tmp $settings
