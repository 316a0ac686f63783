#!/usr/bin/env bash
# First process of the node: owns its process, mount and network namespaces, and reaps.
# When it dies the kernel ends every process of the node and drops its mounts and devices.
# usage: init.sh STATE_FOLDER ADDRESS SERVICE_RANGE
set -euo pipefail
dir=$1 address=$2 services=$3

# The old /proc still shows the process id that the rest of the machine sees.
read -ra self </proc/self/stat
mount -t proc proc /proc

mount --bind "$dir/var/lib" /var/lib
mount --bind "$dir/var/log" /var/log
resolv=$(readlink -m /etc/resolv.conf)
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p "$(dirname "$resolv")" /run/lock
[ -e "$resolv" ] || touch "$resolv"
mount --bind "$dir/conf/resolv.conf" "$resolv"
mount --bind "$dir/conf/hosts" /etc/hosts
# The kubelet wants volumes to be mounted with propagation; peers exist in this namespace only.
mount --make-rshared /

ip link set lo up
ip link add node0 type bridge
ip address add "$address/24" dev node0
ip link set node0 up
# No default route: whatever is outside fails at once instead of after a timeout.
ip route add unreachable default
# Service addresses need some route, else they fail before kube-proxy's rules rewrite them.
ip route add "$services" dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward

echo "${self[0]} ${self[21]}" >"$dir/run/init.partial"
mv "$dir/run/init.partial" "$dir/run/init"
while :; do
	sleep 3600 &
	wait $! || true
done
