# shellcheck shell=bash
# The Kubernetes programs and the cluster's DNS, built from their Go modules.

KUBE_VERSION=1.33.13
KUBE_PROGRAMS="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy"
KUBE_MODULE=${BASH_SOURCE[0]%/*}/kube
COREDNS_VERSION=1.12.4
COREDNS_MODULE=${BASH_SOURCE[0]%/*}/dns

have_kube() {
	local program
	for program in $KUBE_PROGRAMS; do
		linked "$program" || return 1
	done
}

get_kube() {
	local program found
	for program in $KUBE_PROGRAMS; do
		if found=$(outside_program "$program") && "$found" --version 2>/dev/null | grep -q '^Kubernetes v1\.33\.'; then
			say "using $found"
		else
			build_kube
			found=$TOOLS/kube-$KUBE_VERSION/$program
		fi
		link "$program" "$found"
	done
}

build_kube() {
	[ -d "$TOOLS/kube-$KUBE_VERSION" ] && return 0
	need_program go golang
	local staging version=k8s.io/component-base/version packages=()
	for program in $KUBE_PROGRAMS; do
		packages+=("k8s.io/kubernetes/cmd/$program")
	done
	staging=$(new_staging kube)
	say "building Kubernetes $KUBE_VERSION (about 4 minutes on 2 cores)"
	# Without the version in the linker flags the programs call themselves v0.0.0.
	(cd "$KUBE_MODULE" && quietly go-build-kube env CGO_ENABLED=0 GOFLAGS=-mod=readonly go build -trimpath \
		-ldflags "-s -w -X $version.gitVersion=v$KUBE_VERSION -X $version.gitMajor=1 -X $version.gitMinor=33" \
		-o "$staging/" "${packages[@]}")
	publish "$staging" "kube-$KUBE_VERSION"
}

have_coredns() { linked coredns; }

get_coredns() {
	local staging dir=coredns-slim-$COREDNS_VERSION
	if [ ! -d "$TOOLS/$dir" ]; then
		need_program go golang
		staging=$(new_staging coredns)
		say "building CoreDNS $COREDNS_VERSION"
		(cd "$COREDNS_MODULE" && quietly go-build-coredns env CGO_ENABLED=0 GOFLAGS=-mod=readonly go build \
			-trimpath -ldflags "-s -w" -o "$staging/coredns" .)
		publish "$staging" "$dir"
	fi
	link coredns "$TOOLS/$dir/coredns"
}
