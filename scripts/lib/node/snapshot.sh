# shellcheck shell=bash
# Keeping the cluster's state and volumes, and putting them back.

# Everything is frozen while it is copied, so the copy is what a power cut would leave.
node_snapshot() {
	local target=$DIR/snapshots/$1 etcd
	check_snapshot_name "$1"
	etcd=$(inner_pid etcd) || die "etcd is not running" "a running node" "scripts/node up"
	rm -rf "$target.partial"
	mkdir -p "$target.partial"
	freeze FROZEN
	in_node kill -STOP "$etcd"
	local failed=0
	cp -a --reflink=auto "$DIR/etcd" "$DIR/volumes" "$target.partial/" || failed=1
	in_node kill -CONT "$etcd"
	freeze THAWED
	[ $failed = 0 ] || die "copying failed" "space in $DIR" "df $DIR"
	rm -rf "$target"
	mv -T "$target.partial" "$target"
	say "snapshot $1 taken ($(du -sh "$target" | cut -f1))"
}

node_restore() {
	local source=$DIR/snapshots/$1
	check_snapshot_name "$1"
	[ -d "$source" ] || die "no snapshot '$1'" "one of: $(ls "$DIR/snapshots" 2>/dev/null)" "scripts/node snapshot $1"
	halt
	rm -rf "$DIR/etcd" "$DIR/volumes"
	cp -a --reflink=auto "$source/etcd" "$source/volumes" "$DIR/"
	local since
	since=$(date +%s)
	boot
	wait_ready
	provide
	wait_until 45 kubelet_speaks "$since" || kubelet_again
	touch "$DIR/run/ready"
	wait_until 60 pods_run || say "not all pods that were ready run again"
	say "snapshot $1 restored"
}

# kubelet_speaks SECONDS: it is ready by the kubelet's own word of this boot, not by what stood in the snapshot. Before
# that it says once that it is not, and every pod of the node counts as not ready with it.
kubelet_speaks() {
	local status at
	read -r status at < <(kubectl get nodes -o \
		jsonpath='{range .items[0].status.conditions[?(@.type=="Ready")]}{.status} {.lastHeartbeatTime}{end}')
	[ "$status" = True ] && [ "$(date -d "$at" +%s)" -ge "$1" ]
}

# What a real node's service manager does with one that ended or hangs.
kubelet_again() {
	local since
	say "the kubelet has not said that the node is ready; it is started again. It said last:"
	tail -n 5 "$DIR/logs/kubelet.log" >&2
	stop kubelet
	since=$(date +%s)
	start_kubelet
	wait_for 45 "kubelet" kubelet_speaks "$since"
}

# Right after the boot the API server still tells what was true before it: what it calls ready must be what runs.
pods_run() {
	local ready running
	# shellcheck disable=SC2016
	ready=$(kubectl get pods --all-namespaces --field-selector=status.phase=Running -o go-template='
		{{- range .items }}{{ range .status.containerStatuses }}
			{{- if .ready }}{{ .containerID }}{{ "\n" }}{{ end }}
		{{- end }}{{ end }}' | sed 's|^containerd://||' | sort)
	running=$(in_node "$TOOLS_BIN/ctr" --address "$DIR/run/containerd.sock" --namespace k8s.io tasks list |
		awk '$3 == "RUNNING" { print $1 }' | sort)
	[ -z "$(comm -23 <(echo "$ready") <(echo "$running"))" ]
}

check_snapshot_name() {
	case $1 in
	'' | .* | *[!A-Za-z0-9._-]*) die "snapshot name '$1'" "letters, digits, dot, dash, underscore" "choose another name" ;;
	esac
}

# freeze FROZEN|THAWED: all containers of the node at once.
freeze() {
	local v1=/sys/fs/cgroup/freezer/$CGROUP/freezer.state v2=/sys/fs/cgroup/$CGROUP/cgroup.freeze
	if [ -e "$v1" ]; then
		echo "$1" >"$v1"
		wait_for 20 "containers $1" grep -q "$1" "$v1"
	elif [ -e "$v2" ]; then
		if [ "$1" = FROZEN ]; then echo 1 >"$v2"; else echo 0 >"$v2"; fi
	fi
}
