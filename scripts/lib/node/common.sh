# shellcheck shell=bash disable=SC2034 # the files that source this one use the settings
# Where the node's state is, how to enter it, how to speak.

NAME=${AIRGAP_NODE_NAME:-airgap}
BASE=${AIRGAP_NODE_DIR:-${XDG_STATE_HOME:-$HOME/.local/state}/airgap-node}
DIR=$BASE/$NAME
NODE_LIB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$NODE_LIB/../../.." && pwd)
TOOLS_BIN=$("$REPO/scripts/tools" path)

# INGRESS_IP is what a load balancer would give to the ingress controller; kube-proxy serves it.
NODE_IP=10.99.0.2 INGRESS_IP=10.99.0.10
SERVICE_IP=10.96.0.1 POD_RANGE=10.98.0.0/16 SERVICE_RANGE=10.96.0.0/16
REGISTRY=$NODE_IP:5000
DOMAIN=${AIRGAP_NODE_DOMAIN:-runai.test}
CGROUP=airgap-$NAME

say() {
	echo "node $NAME: $*" >&2
}

# die WHAT NEEDED NEXT: one fault, what is needed instead, one thing to do.
die() {
	printf 'node %s: %s\n  needed  %s\nhint: %s\n' "$NAME" "$1" "$2" "$3" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" = 0 ] || die "not root" "root, for namespaces, mounts and cgroups" "run scripts/node as root"
	case $NAME in
	'' | *[!a-z0-9-]*) die "AIRGAP_NODE_NAME '$NAME'" "lower-case letters, digits and dashes" "choose another name" ;;
	esac
	case $DIR/ in
	/var/lib/* | /var/log/* | /run/* | /proc/* | /sys/*)
		die "state folder $DIR" "a folder outside /var/lib, /var/log and /run, which the node replaces by its own" \
			"set AIRGAP_NODE_DIR"
		;;
	esac
}

# One change of a node at a time. The lock lies beside the node's folder, which comes and goes.
with_lock() {
	need_root
	mkdir -p "$BASE"
	(
		if ! flock --nonblock 9; then
			say "waiting for another run"
			flock 9
		fi
		"$@"
	) 9>"$BASE/.$NAME.lock"
}

# Process id of the node's init on this machine; fails when the node is not up.
init_pid() {
	local pid started fields
	[ -r "$DIR/run/init" ] || return 1
	read -r pid started <"$DIR/run/init"
	# The start time tells a reused process id from ours.
	{ read -ra fields <"/proc/$pid/stat"; } 2>/dev/null || return 1
	[ "${fields[21]}" = "$started" ] && [ "${fields[2]}" != Z ] && echo "$pid"
}

need_init() {
	init_pid || die "not up" "a running node" "scripts/node up"
}

# in_node CMD...: with the node's network, mounts and process ids.
in_node() {
	nsenter --target "$(need_init)" --net --mount --pid -- "$@" 9>&-
}

# in_net CMD...: with the node's network alone.
in_net() {
	nsenter --net="/proc/$(need_init)/ns/net" -- "$@" 9>&-
}

kubectl() {
	in_net "$TOOLS_BIN/kubectl" --kubeconfig "$DIR/admin.kubeconfig" "$@"
}

# wait_for SECONDS LABEL CMD...: until the command succeeds, else the end.
wait_for() {
	local seconds=$1 label=$2
	shift 2
	wait_until "$seconds" "$@" ||
		die "$label: not within $seconds s" "$*" "read the logs in $DIR/logs, then scripts/node up --fresh"
}

# wait_until SECONDS CMD...: whether the command succeeds in time.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.1
	done
}
