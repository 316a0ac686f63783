/**
 * Starts an empty PostgreSQL of the image in /scratch, for one restore that nobody keeps: no fsync, no login, reached
 * from inside the pod only. Prints its version. PostgreSQL refuses root and users without a name.
 */
export const DRILL_SCRIPT = `
set -u -o pipefail
export LC_ALL=C
found=$(command -v initdb || ls /opt/bitnami/postgresql/bin/initdb /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1)
[ -n "$found" ] || { echo 'the image has no initdb' >&2; exit 91; }
bin=\${found%/*}
as() { "$@"; }
if [ "$(id -u)" = 0 ]; then
  echo 'airgap:x:26199:26199::/scratch:/bin/sh' >>/etc/passwd
  chown 26199:26199 /scratch || exit 92
  as() { setpriv --reuid=26199 --regid=26199 --clear-groups "$@"; }
fi
as "$bin/initdb" -D /scratch/data -U postgres -A trust -E UTF8 --locale=C >/scratch/log 2>&1 || { cat /scratch/log >&2; exit 93; }
as "$bin/pg_ctl" -D /scratch/data -w -t 120 -s -l /scratch/data/log start </dev/null >/dev/null 2>&1 \\
  -o '-k /scratch -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c wal_level=minimal -c max_wal_senders=0 -c jit=off' ||
  { tail -n 20 /scratch/data/log >&2; exit 94; }
"$bin/postgres" --version
`;
