# shellcheck shell=bash
# Shared by the tool scripts: the cache folder, one lock, and publishing by rename.

TOOLS=${AIRGAP_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/airgap-tools}
mkdir -p "$TOOLS/bin"
TOOLS=$(cd "$TOOLS" && pwd)

say() {
	echo "tools: $*" >&2
}

# die WHAT NEEDED NEXT: one fault, what is needed instead, one thing to do.
die() {
	printf 'tools: %s\n  needed  %s\nhint: %s\n' "$1" "$2" "$3" >&2
	exit 1
}

# Runs a function while no other run changes the cache.
with_lock() {
	need_program flock util-linux
	(
		if ! flock --nonblock 9; then
			say "waiting for another run that fills $TOOLS"
			flock 9
		fi
		"$@"
	) 9>"$TOOLS/.lock"
}

need_program() {
	command -v "$1" >/dev/null ||
		die "program '$1' is missing" "$1 (Debian package $2)" "apt-get install $2"
}

# A folder beside the cache's own entries, so that publishing is one rename.
new_staging() {
	mktemp -d "$TOOLS/.partial-$1-XXXXXX"
}

# publish STAGING NAME: makes a whole folder final; a broken run leaves only .partial-* behind.
publish() {
	rm -rf "${TOOLS:?}/$2"
	chmod 755 "$1"
	mv -T "$1" "$TOOLS/$2"
}

# link NAME TARGET: puts a program into the cache's bin folder.
link() {
	ln -sfn "$2" "$TOOLS/bin/$1.$$"
	mv -T "$TOOLS/bin/$1.$$" "$TOOLS/bin/$1"
}

# Whether bin/NAME leads to a program that is still there.
linked() {
	[ -x "$TOOLS/bin/$1" ]
}

# quietly LABEL CMD...: runs a long command with its output in a log that is shown when it fails.
quietly() {
	local label=$1 log=$TOOLS/.log-$1 start=$SECONDS
	shift
	if ! "$@" >"$log" 2>&1 9>&-; then
		tail -n 15 "$log" >&2
		die "$label failed: $*" "the command to succeed" "read $log"
	fi
	say "$label done in $((SECONDS - start)) s"
}

# outside_program NAME: a program from KUBEBUILDER_ASSETS or PATH, not from our own bin folder.
outside_program() {
	local dir
	local IFS=:
	for dir in ${KUBEBUILDER_ASSETS:-} $PATH; do
		if [ "$dir" != "$TOOLS/bin" ] && [ -x "$dir/$1" ] && [ ! -d "$dir/$1" ]; then
			echo "$dir/$1"
			return 0
		fi
	done
	return 1
}
