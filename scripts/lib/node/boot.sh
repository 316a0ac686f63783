# shellcheck shell=bash
# up, down, exec, env, status.

# In the order in which they are started.
COMPONENTS="etcd kube-apiserver containerd registry kube-scheduler kubelet kube-proxy coredns provisioner kube-controller-manager"

node_up() {
	local start=$SECONDS
	case ${1:-} in
	--fresh) remove_node ;;
	'') ;;
	*) die "unknown option '$1'" "up or up --fresh" "scripts/node --help" ;;
	esac
	need_programs
	if init_pid >/dev/null && [ -e "$DIR/run/ready" ] && [ -z "$(dead_components)" ]; then
		say "already up ($DIR)"
		return 0
	fi
	rm -f "$DIR/run/ready"
	prepare_state
	boot
	wait_ready
	provide
	touch "$DIR/run/ready"
	say "up in $((SECONDS - start)) s: Kubernetes 1.33, registry $REGISTRY, state in $DIR"
}

need_programs() {
	local program
	"$REPO/scripts/tools" ensure node 9>&-
	for program in ip nsenter unshare openssl node; do
		command -v "$program" >/dev/null ||
			die "program '$program' is missing" "iproute2, util-linux, openssl and Node" "install it"
	done
	[ -d "$REPO/node_modules/tsx" ] || die "node_modules are missing" "the development packages" "npm ci"
	unshare --net --mount --pid --fork true 2>/dev/null ||
		die "no namespaces" "a machine that lets root make network, mount and process namespaces" "use another machine"
}

prepare_state() {
	mkdir -p "$DIR"/{run,logs,conf,etcd,volumes,registry,pki} "$DIR"/var/{lib/{cni,kubelet,containerd},log/pods,log/containers}
	chmod 700 "$DIR" "$DIR/pki"
	chmod 711 "$DIR/volumes"
	[ -e "$DIR/pki/done" ] || write_pki
	write_config
}

# Starts what does not run; after a power cut (init gone) that is everything.
boot() {
	if ! init_pid >/dev/null; then
		clear_leftovers
		make_cgroups
		setsid unshare --fork --kill-child --pid --net --mount --propagation private -- \
			"$NODE_LIB/init.sh" "$DIR" "$NODE_IP" "$SERVICE_RANGE" </dev/null >"$DIR/logs/init.log" 2>&1 9>&- &
		wait_for 10 "init" init_pid
	fi
	local component
	for component in $(dead_components); do
		"start_${component//-/_}"
	done
}

# What a power cut leaves behind and a boot does not want.
clear_leftovers() {
	local stray
	stray=$(stray_init)
	[ -z "$stray" ] || end_process "$stray"
	rm -rf "$DIR"/run/* "$DIR"/var/lib/cni/*
	drop_cgroups
}

# An init whose record is lost, found by its command line.
stray_init() {
	local file line
	for file in /proc/[0-9]*/cmdline; do
		line=$({ tr '\0' ' ' <"$file"; } 2>/dev/null) || continue
		case $line in
		"bash $NODE_LIB/init.sh $DIR "* | */"bash $NODE_LIB/init.sh $DIR "*)
			file=${file%/cmdline}
			echo "${file#/proc/}"
			return 0
			;;
		esac
	done
}

end_process() {
	local tries
	kill -KILL "$1" 2>/dev/null || return 0
	for ((tries = 0; tries < 100; tries++)); do
		[ -e "/proc/$1" ] || return 0
		sleep 0.1
	done
	die "process $1 does not end" "it to end after SIGKILL" "read /proc/$1/stack"
}

node_down() {
	remove_node
	rm -f "$BASE/.$NAME.lock"
	rmdir --ignore-fail-on-non-empty "$BASE" 2>/dev/null || true
	say "down"
}

remove_node() {
	halt
	rm -rf "${DIR:?}"
}

# Ends every process of the node; the data stays.
halt() {
	local pid
	if pid=$(init_pid); then end_process "$pid"; fi
	clear_leftovers
}

# Cgroups outlive namespaces, so they carry the node's name and are made and removed by hand.
cgroup_roots() {
	local root
	if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
		echo /sys/fs/cgroup
		return 0
	fi
	for root in /sys/fs/cgroup/*/; do
		[ -e "$root/cgroup.procs" ] && echo "${root%/}"
	done
}

make_cgroups() {
	local root
	for root in $(cgroup_roots); do
		mkdir -p "$root/$CGROUP"
		if [ -e "$root/cpuset.cpus" ]; then
			cat "$root/cpuset.cpus" >"$root/$CGROUP/cpuset.cpus"
			cat "$root/cpuset.mems" >"$root/$CGROUP/cpuset.mems"
		fi
	done
}

drop_cgroups() {
	local root tries
	for root in $(cgroup_roots); do
		for ((tries = 0; tries < 50; tries++)); do
			[ -d "$root/$CGROUP" ] || break
			find "$root/$CGROUP" -depth -type d -exec rmdir {} \; 2>/dev/null || true
			[ ! -d "$root/$CGROUP" ] || sleep 0.1
		done
	done
}

node_env() {
	cat <<ENV
export KUBECONFIG=$DIR/admin.kubeconfig
export REGISTRY=$REGISTRY
export CONTAINERD_ADDRESS=$DIR/run/containerd.sock
export PATH=$TOOLS_BIN:$PATH
ENV
}

node_exec() {
	need_root
	local pid
	pid=$(need_init)
	# shellcheck disable=SC1090
	eval "$(node_env)"
	# Names: a mount namespace of its own, so that only CMD sees the node's hosts file.
	exec nsenter --net="/proc/$pid/ns/net" -- unshare --mount --propagation slave -- \
		"$NODE_LIB/enter.sh" "$DIR" "$@"
}

node_status() {
	local component inner pid ids failed=0
	printf '%-24s %s\n' init "$(need_init)"
	ids=$(process_ids)
	for component in $COMPONENTS; do
		if inner=$(inner_pid "$component"); then
			pid=$(awk -v inner="$inner" '$1 == inner { print $2 }' <<<"$ids")
		else
			pid=- failed=1
		fi
		printf '%-24s %s\n' "$component" "$pid"
	done
	return "$failed"
}
