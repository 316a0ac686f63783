# shellcheck shell=bash
# The definitions of VolumeSnapshots, as their own project publishes them in its Go module.

SNAPSHOT_VERSION=8.2.0
SNAPSHOT_MODULE=github.com/kubernetes-csi/external-snapshotter/client/v8

have_snapshot_crds() { [ -s "$TOOLS/snapshot-crds-$SNAPSHOT_VERSION/crds.yaml" ]; }

get_snapshot_crds() {
	need_program go golang
	local staging folder name
	staging=$(new_staging snapshot-crds)
	say "getting the definitions of VolumeSnapshots $SNAPSHOT_VERSION"
	folder=$(cd "$staging" && go mod download -json "$SNAPSHOT_MODULE@v$SNAPSHOT_VERSION" 2>/dev/null |
		sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
	[ -n "$folder" ] || die "no Go module $SNAPSHOT_MODULE" "a Go module proxy" "check GOPROXY"
	for name in volumesnapshots volumesnapshotcontents volumesnapshotclasses; do
		echo '---'
		cat "$folder/config/crd/snapshot.storage.k8s.io_$name.yaml"
	done >"$staging/crds.yaml"
	publish "$staging" "snapshot-crds-$SNAPSHOT_VERSION"
}
