# shellcheck shell=bash
# Keys, certificates and tokens, made on the spot and valid for this node only.

write_pki() {
	local pki=$DIR/pki
	new_key "$pki/ca.key"
	openssl req -x509 -new -key "$pki/ca.key" -sha256 -days 3650 -subj "/CN=airgap test node CA" \
		-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -out "$pki/ca.crt"
	new_key "$pki/sa.key"
	openssl pkey -in "$pki/sa.key" -pubout -out "$pki/sa.pub"
	issue apiserver "/CN=kube-apiserver" \
		"IP:$NODE_IP,IP:127.0.0.1,IP:$SERVICE_IP,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
	issue admin "/O=system:masters/CN=kubernetes-admin" "DNS:kubernetes-admin"
	issue registry "/CN=registry.$DOMAIN" "IP:$NODE_IP,DNS:registry.$DOMAIN,DNS:localhost"
	issue domain "/CN=$DOMAIN" "DNS:$DOMAIN,DNS:*.$DOMAIN"
	cat "$pki/domain.crt" "$pki/ca.crt" >"$pki/domain-chain.crt"
	write_tokens
	touch "$pki/done"
}

new_key() {
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

# issue NAME SUBJECT ALT_NAMES: a certificate for server and client use.
issue() {
	new_key "$DIR/pki/$1.key"
	openssl req -new -key "$DIR/pki/$1.key" -subj "$2" -out "$DIR/pki/$1.csr"
	openssl x509 -req -in "$DIR/pki/$1.csr" -CA "$DIR/pki/ca.crt" -CAkey "$DIR/pki/ca.key" -CAcreateserial \
		-sha256 -days 825 -out "$DIR/pki/$1.crt" 2>/dev/null -extfile <(
			echo "subjectAltName=$3"
			echo "extendedKeyUsage=serverAuth,clientAuth"
			echo "keyUsage=critical,digitalSignature"
			echo "basicConstraints=critical,CA:FALSE"
		)
	rm "$DIR/pki/$1.csr"
}

# Tokens of the node's own programs, and of a user without any rights.
write_tokens() {
	: >"$DIR/pki/tokens.csv"
	token_for controller-manager system:kube-controller-manager ''
	token_for scheduler system:kube-scheduler ''
	token_for kubelet "system:node:$NAME" system:nodes
	token_for proxy system:kube-proxy ''
	token_for dns dns system:masters
	token_for provisioner provisioner system:masters
	token_for restricted restricted ''
}

# token_for FILE USER GROUPS
token_for() {
	local token
	token=$(openssl rand -hex 16)
	echo "$token" >"$DIR/pki/$1.token"
	echo "$token,$2,$2,\"$3\"" >>"$DIR/pki/tokens.csv"
}

# kubeconfig CREDENTIALS_YAML: prints one for this node's API server.
kubeconfig() {
	cat <<KUBECONFIG
apiVersion: v1
kind: Config
current-context: $NAME
clusters:
  - name: $NAME
    cluster:
      server: https://$NODE_IP:6443
      certificate-authority-data: $(base64 -w0 "$DIR/pki/ca.crt")
contexts:
  - name: $NAME
    context: { cluster: $NAME, user: $2 }
users:
  - name: $2
    user: { $1 }
KUBECONFIG
}

token_kubeconfig() {
	kubeconfig "token: \"$(cat "$DIR/pki/$1.token")\"" "$1"
}

admin_kubeconfig() {
	kubeconfig "client-certificate-data: $(base64 -w0 "$DIR/pki/admin.crt"), client-key-data: $(base64 -w0 "$DIR/pki/admin.key")" \
		kubernetes-admin
}
