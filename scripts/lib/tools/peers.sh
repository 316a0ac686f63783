# shellcheck shell=bash
# Other tools that copy images, for comparison in benchmarks and for reading what we write.

CRANE_VERSION=0.22.1
REGCTL_VERSION=0.11.7

have_crane() { linked crane; }
get_crane() { go_tool crane "$CRANE_VERSION" github.com/google/go-containerregistry/cmd/crane; }
have_regctl() { linked regctl; }
get_regctl() { go_tool regctl "$REGCTL_VERSION" github.com/regclient/regclient/cmd/regctl; }

# go_tool NAME VERSION PACKAGE
go_tool() {
	local staging
	if [ ! -d "$TOOLS/$1-$2" ]; then
		need_program go golang
		staging=$(new_staging "$1")
		say "building $1 $2"
		quietly "go-install-$1" env CGO_ENABLED=0 GOFLAGS= GOBIN="$staging" go install -trimpath "$3@v$2"
		publish "$staging" "$1-$2"
	fi
	link "$1" "$TOOLS/$1-$2/$1"
}
