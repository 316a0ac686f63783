# shellcheck shell=bash
# Programs from Debian packages.
#
# The node's programs are unpacked into the cache instead of installed: an installed docker-registry
# or etcd-server may start a service on its usual port, and containerd may replace a Docker engine.

DEB_PACKAGES="etcd-server containerd runc containernetworking-plugins docker-registry busybox-static"
DEB_PROGRAMS="usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr usr/sbin/runc usr/bin/docker-registry"

debs_dir() {
	# shellcheck disable=SC1091
	(. /etc/os-release && echo "debs-${ID:-unknown}-${VERSION_ID:-unknown}")
}

have_debs_node() {
	local program
	[ -d "$TOOLS/$(debs_dir)" ] || return 1
	for program in $DEB_PROGRAMS; do
		linked "${program##*/}" || return 1
	done
	linked busybox && [ -x "$TOOLS/cni/bridge" ]
}

get_debs_node() {
	need_program apt-get "apt: the test node takes its programs from a Debian package manager"
	need_program dpkg-deb dpkg
	local staging dir program
	dir=$(debs_dir)
	if [ ! -d "$TOOLS/$dir" ]; then
		say "unpacking Debian packages $DEB_PACKAGES"
		refresh_lists containerd
		staging=$(new_staging debs)
		mkdir "$staging/.debs"
		# shellcheck disable=SC2086
		(cd "$staging/.debs" && quietly apt-get-download apt-get download $DEB_PACKAGES)
		for program in "$staging"/.debs/*.deb; do
			dpkg-deb -x "$program" "$staging"
		done
		rm -rf "$staging/.debs"
		publish "$staging" "$dir"
	fi
	for program in $DEB_PROGRAMS; do
		link "${program##*/}" "$TOOLS/$dir/$program"
	done
	ln -sfn "$TOOLS/$dir/usr/lib/cni" "$TOOLS/cni"
	if [ -x "$TOOLS/$dir/usr/bin/busybox" ]; then program=usr/bin/busybox; else program=bin/busybox; fi
	link busybox "$TOOLS/$dir/$program"
}

have_etcd() { linked etcd; }

get_etcd() {
	local found
	found=$(outside_program etcd) || found=$TOOLS/$(debs_dir)/usr/bin/etcd
	link etcd "$found"
}

# A machine may come without package lists.
refresh_lists() {
	[ -n "$(apt-cache madison "$1" 2>/dev/null)" ] && return 0
	need_root "apt-get update"
	quietly apt-get-update apt-get -o DPkg::Lock::Timeout=300 update
}

need_root() {
	[ "$(id -u)" = 0 ] || die "not root, and '$1' needs it" "root" "run scripts/tools as root, or ask for: $1"
}

# install_deb PACKAGE: for programs that start no service.
install_deb() {
	need_program apt-get apt
	need_root "apt-get install $1"
	refresh_lists "$1"
	say "installing Debian package $1"
	quietly "apt-get-install-$1" env DEBIAN_FRONTEND=noninteractive \
		apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$1"
}

have_skopeo() { command -v skopeo >/dev/null; }
get_skopeo() { install_deb skopeo; }
have_minisign() { command -v minisign >/dev/null; }
get_minisign() { install_deb minisign; }
have_age() { command -v age >/dev/null; }
get_age() { install_deb age; }
have_tmux() { command -v tmux >/dev/null; }
get_tmux() { install_deb tmux; }
have_mmdebstrap() { command -v mmdebstrap >/dev/null; }
get_mmdebstrap() { install_deb mmdebstrap; }
have_iptables() { PATH=$PATH:/usr/sbin:/sbin command -v iptables >/dev/null; }
get_iptables() { install_deb iptables; }
