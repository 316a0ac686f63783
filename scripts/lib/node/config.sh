# shellcheck shell=bash
# The configuration files of the node's programs.

SANDBOX_IMAGE=$REGISTRY/airgap-node/busybox:1

write_config() {
	umask 077
	admin_kubeconfig >"$DIR/admin.kubeconfig"
	token_kubeconfig restricted >"$DIR/restricted.kubeconfig"
	local user
	for user in controller-manager scheduler kubelet proxy dns; do
		token_kubeconfig "$user" >"$DIR/conf/$user.kubeconfig"
	done
	provisioner_config >"$DIR/conf/provisioner.json"
	containerd_config >"$DIR/conf/containerd.toml"
	registry_config >"$DIR/conf/registry.yaml"
	kubelet_config >"$DIR/conf/kubelet.yaml"
	audit_policy >"$DIR/conf/audit.yaml"
	mkdir -p "$DIR/conf/cni"
	cni_config >"$DIR/conf/cni/10-node.conflist"
	write_registry_hosts
	umask 022
	hosts_file >"$DIR/conf/hosts"
	echo "nameserver $NODE_IP" >"$DIR/conf/resolv.conf"
	corefile >"$DIR/conf/Corefile"
}

hosts_file() {
	cat <<HOSTS
127.0.0.1 localhost $(hostname)
$NODE_IP $NAME registry.$DOMAIN
$INGRESS_IP $DOMAIN
HOSTS
}

# The cluster's names and the product's domain; every other name does not exist.
corefile() {
	cat <<COREFILE
cluster.local:53 {
  bind $NODE_IP
  errors
  kubernetes {
    kubeconfig $DIR/conf/dns.kubeconfig
  }
}
$DOMAIN:53 {
  bind $NODE_IP
  template IN A registry.$DOMAIN {
    answer "{{ .Name }} 60 IN A $NODE_IP"
  }
  template IN A {
    answer "{{ .Name }} 60 IN A $INGRESS_IP"
  }
  template ANY ANY {
    rcode NOERROR
  }
}
.:53 {
  bind $NODE_IP
  template ANY ANY {
    rcode NXDOMAIN
  }
}
COREFILE
}

containerd_config() {
	cat <<TOML
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
  address = "$DIR/run/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$SANDBOX_IMAGE"
  disable_apparmor = true
  # Without CAP_SYS_RESOURCE a lower score is refused and no container starts.
  restrict_oom_score_adj = true
  max_concurrent_downloads = 6
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "$(readlink -f "$TOOLS_BIN/../cni")"
  conf_dir = "$DIR/conf/cni"
[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "$DIR/conf/certs.d"
TOML
}

# Plain HTTP on ports 5000 to 5010 of the node, TLS by the node's CA on 5443.
write_registry_hosts() {
	local port host
	for host in "$NODE_IP" "registry.$DOMAIN"; do
		for port in {5000..5010}; do
			registry_host "$host:$port" "http://$host:$port" ''
		done
		registry_host "$host:5443" "https://$host:5443" "ca = \"$DIR/pki/ca.crt\""
	done
}

# registry_host HOST:PORT URL EXTRA_LINE
registry_host() {
	mkdir -p "$DIR/conf/certs.d/$1"
	cat >"$DIR/conf/certs.d/$1/hosts.toml" <<TOML
server = "$2"
[host."$2"]
  capabilities = ["pull", "resolve"]
  $3
TOML
}

registry_config() {
	cat <<YAML
version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: $DIR/registry }
  delete: { enabled: true }
http: { addr: "$REGISTRY" }
YAML
}

kubelet_config() {
	cat <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$DIR/run/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP
failSwapOn: false
enforceNodeAllocatable: []
resolvConf: ""
clusterDNS: ["$NODE_IP"]
clusterDomain: cluster.local
oomScoreAdj: 0
maxPods: 200
serializeImagePulls: false
registryPullQPS: 0
eventRecordQPS: 0
makeIPTablesUtilChains: false
nodeStatusUpdateFrequency: 5s
imageGCHighThresholdPercent: 100
evictionHard: { memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1% }
authentication: { anonymous: { enabled: true }, webhook: { enabled: false } }
authorization: { mode: AlwaysAllow }
YAML
}

# What an administrator changes, deletions with the UID that was asked for; never what a secret holds.
audit_policy() {
	cat <<YAML
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - { level: Request, users: [kubernetes-admin], verbs: [delete, deletecollection] }
  - { level: Metadata, users: [kubernetes-admin], verbs: [create, update, patch] }
  - { level: None }
YAML
}

cni_config() {
	cat <<JSON
{
  "cniVersion": "0.4.0",
  "name": "node",
  "plugins": [{
    "type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
    "ipam": {
      "type": "host-local", "ranges": [[{ "subnet": "$POD_RANGE" }]],
      "routes": [{ "dst": "0.0.0.0/0" }], "dataDir": "/var/lib/cni/networks"
    }
  }]
}
JSON
}

provisioner_config() {
	cat <<JSON
{
  "server": "https://$NODE_IP:6443",
  "caFile": "$DIR/pki/ca.crt",
  "tokenFile": "$DIR/pki/provisioner.token",
  "folder": "$DIR/volumes"
}
JSON
}
