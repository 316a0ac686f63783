# shellcheck shell=bash
# A root file system with PostgreSQL, the layer of the stand-in's database image.

ROOTFS_SUITE=bookworm
ROOTFS_POSTGRES=15

rootfs_file() { echo "$TOOLS/rootfs-$ROOTFS_SUITE-postgresql-$ROOTFS_POSTGRES/rootfs.tar"; }
have_rootfs() { [ -s "$(rootfs_file)" ]; }

get_rootfs() {
	need_root mmdebstrap
	local staging
	staging=$(new_staging rootfs)
	say "making a root file system with PostgreSQL $ROOTFS_POSTGRES (about 30 s)"
	quietly mmdebstrap mmdebstrap --variant=minbase --include="postgresql-$ROOTFS_POSTGRES" \
		"$ROOTFS_SUITE" "$staging/rootfs.tar"
	publish "$staging" "rootfs-$ROOTFS_SUITE-postgresql-$ROOTFS_POSTGRES"
}
