# shellcheck shell=bash
# A one-layer image of static busybox as an OCI archive: the sandbox image and small services.

BUSYBOX_LINKS="sh true false sleep cat ls echo wget httpd nc nslookup id env mkdir rm touch test date ps kill tar sha256sum"
BUSYBOX_CONFIG='{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Entrypoint":["/bin/sleep"],"Cmd":["2147483647"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}'

have_images() { [ -s "$TOOLS/image-busybox-2/image.tar" ]; }

get_images() {
	say "making the busybox image"
	local staging layout
	staging=$(new_staging image)
	layout=$staging/layout
	mkdir -p "$layout/blobs/sha256"
	busybox_root "$staging/root"
	reproducible_tar "$staging/root" "$staging/layer"
	write_layout "$layout" "$staging/layer"
	reproducible_tar "$layout" "$staging/image.tar"
	rm -rf "$layout" "$staging/root" "$staging/layer"
	publish "$staging" image-busybox-2
}

busybox_root() {
	local name
	mkdir -p "$1/bin" "$1/etc" "$1/tmp" "$1/var/www"
	cp "$(readlink -f "$TOOLS/bin/busybox")" "$1/bin/busybox"
	for name in $BUSYBOX_LINKS; do
		ln -s busybox "$1/bin/$name"
	done
	echo 'root:x:0:0:root:/:/bin/sh' >"$1/etc/passwd"
	echo ok >"$1/var/www/index.html"
}

# write_layout LAYOUT LAYER_TAR: an OCI image layout with one image of one layer.
write_layout() {
	local blobs=$1/blobs/sha256 layer=$2 config manifest layer_type=application/vnd.oci.image.layer.v1.tar
	# shellcheck disable=SC2059
	printf "$BUSYBOX_CONFIG" "$(sha256 "$layer")" >"$blobs/config"
	cp "$layer" "$blobs/layer"
	config=$(blob "$blobs" config application/vnd.oci.image.config.v1+json)
	layer=$(blob "$blobs" layer "$layer_type")
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
		"$config" "$layer" >"$blobs/manifest"
	manifest=$(blob "$blobs" manifest application/vnd.oci.image.manifest.v1+json)
	printf '{"schemaVersion":2,"manifests":[%s]}' "$manifest" >"$1/index.json"
	printf '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
}

# blob FOLDER FILE MEDIA_TYPE: renames the file to its digest and prints its descriptor.
blob() {
	local digest size
	digest=$(sha256 "$1/$2")
	size=$(stat -c %s "$1/$2")
	mv "$1/$2" "$1/$digest"
	printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$3" "$digest" "$size"
}

sha256() {
	local sum
	sum=$(sha256sum "$1")
	echo "${sum%% *}"
}

reproducible_tar() {
	tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=go-w -cf "$2" .
}
