# shellcheck shell=bash disable=SC2153 # NAME is set by common.sh
# The node's programs: how each is started, found and stopped.

# launch NAME CMD...: in the node, detached; its inner process id goes to run/NAME.pid.
launch() {
	local name=$1
	shift
	# shellcheck disable=SC2016
	in_node env PATH="$TOOLS_BIN:$PATH" sh -c '
		name=$1 dir=$2
		shift 2
		setsid "$@" </dev/null >>"$dir/logs/$name.log" 2>&1 &
		echo $! >"$dir/run/$name.pid"
	' sh "$name" "$DIR" "$@"
}

start_etcd() {
	launch etcd "$TOOLS_BIN/etcd" --name "$NAME" --data-dir "$DIR/etcd" \
		--listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
		--initial-cluster "$NAME=http://127.0.0.1:2380" --log-level warn
}

start_containerd() {
	launch containerd "$TOOLS_BIN/containerd" --config "$DIR/conf/containerd.toml"
}

start_registry() {
	launch registry "$TOOLS_BIN/docker-registry" serve "$DIR/conf/registry.yaml"
}

start_kube_apiserver() {
	launch kube-apiserver "$TOOLS_BIN/kube-apiserver" \
		--etcd-servers=http://127.0.0.1:2379 --advertise-address="$NODE_IP" --secure-port=6443 \
		--service-cluster-ip-range="$SERVICE_RANGE" --allow-privileged=true \
		--authorization-mode=Node,RBAC --token-auth-file="$DIR/pki/tokens.csv" \
		--client-ca-file="$DIR/pki/ca.crt" \
		--tls-cert-file="$DIR/pki/apiserver.crt" --tls-private-key-file="$DIR/pki/apiserver.key" \
		--service-account-issuer=https://kubernetes.default.svc \
		--service-account-key-file="$DIR/pki/sa.pub" --service-account-signing-key-file="$DIR/pki/sa.key" \
		--kubelet-preferred-address-types=InternalIP --enable-aggregator-routing=true \
		--audit-policy-file="$DIR/conf/audit.yaml" --audit-log-path="$DIR/logs/audit.log"
}

start_kube_controller_manager() {
	# It gives up after 10 seconds without an API server.
	wait_for 60 "API server" kubectl get --raw /readyz
	launch kube-controller-manager "$TOOLS_BIN/kube-controller-manager" \
		--kubeconfig="$DIR/conf/controller-manager.kubeconfig" --leader-elect=false \
		--use-service-account-credentials=true \
		--service-account-private-key-file="$DIR/pki/sa.key" --root-ca-file="$DIR/pki/ca.crt" \
		--cluster-signing-cert-file="$DIR/pki/ca.crt" --cluster-signing-key-file="$DIR/pki/ca.key"
}

start_kube_scheduler() {
	# A claim that is bound while its pod is being looked at is sometimes missed: then the pod would wait five minutes.
	launch kube-scheduler "$TOOLS_BIN/kube-scheduler" \
		--kubeconfig="$DIR/conf/scheduler.kubeconfig" --leader-elect=false \
		--pod-max-in-unschedulable-pods-duration=10s
}

start_kubelet() {
	wait_for 20 containerd in_node "$TOOLS_BIN/ctr" --address "$DIR/run/containerd.sock" version
	# The sandbox image must be there whatever happens to the registry's content.
	in_node "$TOOLS_BIN/ctr" --address "$DIR/run/containerd.sock" --namespace k8s.io images import --no-unpack \
		--index-name "$SANDBOX_IMAGE" "$TOOLS_BIN/../image-busybox-2/image.tar" >/dev/null
	launch kubelet "$TOOLS_BIN/kubelet" --config="$DIR/conf/kubelet.yaml" \
		--kubeconfig="$DIR/conf/kubelet.kubeconfig" --hostname-override="$NAME" --node-ip="$NODE_IP"
}

# The machine's limits on connection tracking are not for a test node to change.
start_kube_proxy() {
	launch kube-proxy "$TOOLS_BIN/kube-proxy" --kubeconfig="$DIR/conf/proxy.kubeconfig" \
		--proxy-mode=iptables --hostname-override="$NAME" --cluster-cidr="$POD_RANGE" \
		--conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
}

start_coredns() {
	launch coredns "$TOOLS_BIN/coredns" -conf "$DIR/conf/Corefile"
}

start_provisioner() {
	launch provisioner "$(command -v node)" --import "file://$REPO/node_modules/tsx/dist/loader.mjs" \
		"$NODE_LIB/provisioner.ts" "$DIR/conf/provisioner.json"
}

dead_components() {
	local component
	for component in $COMPONENTS; do
		inner_pid "$component" >/dev/null || echo "$component"
	done
}

# Process id inside the node, if it runs.
inner_pid() {
	local pid
	[ -r "$DIR/run/$1.pid" ] || return 1
	read -r pid <"$DIR/run/$1.pid"
	in_node kill -0 "$pid" 2>/dev/null && echo "$pid"
}

# Prints "INNER HOST" for every process of the node: its id inside, and as the rest of the machine sees it.
process_ids() {
	local space file key host inner
	space=$(readlink "/proc/$(need_init)/ns/pid") # pid:[NUMBER]
	space=${space/[/\\[}
	while read -r file; do
		while read -r key host inner; do
			[ "$key" != NSpid: ] || echo "${inner##*[[:space:]]} $host"
		done <"${file%/ns/pid}/status"
	done < <(find /proc/[0-9]*/ns -maxdepth 1 -name pid -lname "$space" 2>/dev/null)
}

# At once: the API server would first wait for its watchers to leave.
stop() {
	local pid
	pid=$(inner_pid "$1") || { say "$1 is not running" && return 0; }
	in_node kill -KILL "$pid"
	wait_for 20 "$1 stopped" not_running "$1"
	say "$1 stopped"
}

not_running() { ! inner_pid "$1"; }

start_api_again() {
	if inner_pid kube-apiserver >/dev/null; then say "kube-apiserver is running" && return 0; fi
	start_kube_apiserver
	wait_for 60 "API server" kubectl get --raw /readyz
	say "kube-apiserver started"
}
