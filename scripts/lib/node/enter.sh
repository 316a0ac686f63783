#!/usr/bin/env bash
# Runs a command with the node's names; called in a mount namespace of its own.
# usage: enter.sh STATE_FOLDER CMD...
set -euo pipefail
dir=$1
shift
mount --bind "$dir/conf/hosts" /etc/hosts
mount --bind "$dir/conf/resolv.conf" "$(readlink -f /etc/resolv.conf)"
# A proxy of the machine cannot be reached from here.
unset http_proxy https_proxy no_proxy all_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY ALL_PROXY
exec "$@"
