# shellcheck shell=bash
# What the product asks of a cluster before it is installed, and access to its database.

wait_ready() {
	wait_for 60 "node registered" kubectl get node "$NAME"
	push_image
	kubectl apply --server-side -f - <"$NODE_LIB/crds.yaml" >/dev/null
	manifest cluster.yaml | kubectl apply --server-side -f - >/dev/null
}

# manifest FILE: with this node's values filled in.
manifest() {
	sed -e "s|@IMAGE@|$SANDBOX_IMAGE|g" -e "s|@NODE@|$NAME|g" -e "s|@DOMAIN@|$DOMAIN|g" "$NODE_LIB/$1"
}

provide() {
	label_node
	tls_secret runai-backend runai-backend-tls
	tls_secret runai runai-cluster-domain-tls-secret
	wait_for 60 "ClusterPolicy CRD" kubectl wait --for=condition=Established crd --all --timeout=5s
	manifest objects.yaml | kubectl apply --server-side -f - >/dev/null
	set_status -n haproxy-controller service/haproxy-ingress \
		"{\"status\":{\"loadBalancer\":{\"ingress\":[{\"ip\":\"$INGRESS_IP\"}]}}}"
	set_status clusterpolicy/cluster-policy '{"status":{"state":"ready"}}'
	wait_for 30 "cluster DNS" in_net bash -c "</dev/tcp/$NODE_IP/53"
	wait_for 60 "node Ready" kubectl wait --for=condition=Ready "node/$NAME" --timeout=5s
	local namespace
	for namespace in default runai-backend runai; do
		wait_for 60 "service account of $namespace" kubectl -n "$namespace" get serviceaccount default
	done
	kubectl wait --for=condition=Available deployment --all --all-namespaces --timeout=60s >/dev/null
}

set_status() {
	kubectl patch "${@:1:$#-1}" --subresource=status --type=merge -p "${!#}" >/dev/null
}

# The sandbox image also serves the small services; the registry has it as any pulled image.
push_image() {
	wait_for 20 registry in_net bash -c "</dev/tcp/${REGISTRY/://}"
	in_node "$TOOLS_BIN/ctr" --address "$DIR/run/containerd.sock" --namespace k8s.io \
		images push --plain-http "$SANDBOX_IMAGE" >/dev/null
}

# Roles, and the labels that GPU feature discovery sets.
label_node() {
	local gpu=nvidia.com
	kubectl label --overwrite node "$NAME" \
		node-role.kubernetes.io/runai-system=true node-role.kubernetes.io/runai-gpu-worker=true \
		node-role.kubernetes.io/runai-cpu-worker=true $gpu/gpu.present=true \
		$gpu/cuda.driver.major=535 $gpu/cuda.driver.minor=129 $gpu/cuda.driver.rev=03 \
		$gpu/cuda.runtime.major=12 $gpu/cuda.runtime.minor=2 $gpu/gfd.timestamp=1700000000 \
		$gpu/gpu.compute.major=7 $gpu/gpu.compute.minor=5 $gpu/gpu.count=1 $gpu/gpu.family=turing \
		$gpu/gpu.machine=test-node $gpu/gpu.memory=15360 $gpu/gpu.product=Tesla-T4 \
		$gpu/gpu.replicas=1 $gpu/mig.strategy=none >/dev/null
}

tls_secret() {
	kubectl -n "$1" create secret tls "$2" --cert="$DIR/pki/domain-chain.crt" --key="$DIR/pki/domain.key" \
		--dry-run=client -o yaml | kubectl apply --server-side -f - >/dev/null
}

# The password goes in by standard input: a command line can be read by others.
node_psql() {
	local password key
	for key in postgres-password postgresql-postgres-password postgresql-password; do
		password=$(kubectl -n runai-backend get secret runai-backend-postgresql \
			-o go-template="{{ with index .data \"$key\" }}{{ . | base64decode }}{{ end }}")
		[ -z "$password" ] || break
	done
	# shellcheck disable=SC2016
	printf '%s\n%s\n' "$password" "$2" | kubectl -n runai-backend exec -i runai-backend-postgresql-0 -- sh -c '
		IFS= read -r PGPASSWORD
		export PGPASSWORD
		exec psql -h 127.0.0.1 -U postgres -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" -f -
	' sh "$1"
}
