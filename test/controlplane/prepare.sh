#!/bin/sh
# Makes sure that the programs of a Kubernetes control plane are on this
# machine, and prints the folder that holds them: that one line is all there is
# on standard output. Standard error says what is done, why, and how long it
# took.
#
#   prepare.sh                        etcd, kube-apiserver and kubectl
#   prepare.sh --controller-manager   kube-controller-manager as well
#
# It takes the first of these that works:
#
#   1. the folder that $KUBEBUILDER_ASSETS names (it must have the programs);
#   2. the cache, ${XDG_CACHE_HOME:-$HOME/.cache}/attache/controlplane/KEY,
#      where KEY is version-os-arch-hash and the hash is over tools/go.mod,
#      tools/go.sum and the build flags, so that a version bump builds anew;
#   3. a download by setup-envtest, given up after a minute. It offers no
#      kube-controller-manager, which is then built when it is asked for;
#   4. a build from source with tools/go.mod: minutes, once per machine. Needs
#      Go and git.
#
#   ATTACHE_CONTROLPLANE_NO_DOWNLOAD=1 leaves out step 3, and what step 3 cached.
#
# An interrupted run leaves nothing that a later one would take for complete:
# programs appear in the cache by one rename. Callers at the same time wait for
# the first one; its lock names its process and is broken when that is gone.
set -eu

exec 3>&1 1>&2 # from here on everything but the result goes to standard error

# The newest setup-envtest that fits the controller-runtime of the main module.
setup_envtest=sigs.k8s.io/controller-runtime/tools/setup-envtest@v0.25.1
download_seconds=60

tools=$(CDPATH='' cd -- "$(dirname -- "$0")/tools" && pwd)
child=
locked=
scratch=

say() { printf 'control plane: %s\n' "$*"; }

die() {
	say "$*"
	exit 1
}

now() { date +%s; }

# since START: the time passed, for people.
since() {
	set -- $(($(now) - $1))
	printf '%dm%02ds' $(($1 / 60)) $(($1 % 60))
}

# run COMMAND...: in the background, so that signals are acted on at once.
run() {
	"$@" &
	child=$!
	set -- 0
	wait "$child" || set -- $?
	child=
	return "$1"
}

# run_at_most SECONDS COMMAND...
run_at_most() {
	limit=$(($(now) + $1))
	shift
	"$@" &
	child=$!
	while kill -0 "$child" 2>/dev/null; do
		if [ "$(now)" -ge "$limit" ]; then
			kill "$child" 2>/dev/null || true
		fi
		sleep 1
	done
	set -- 0
	wait "$child" || set -- $?
	child=
	return "$1"
}

clean_up() {
	[ -z "$child" ] || kill "$child" 2>/dev/null || true
	[ -z "$scratch" ] || rm -rf "$scratch"
	[ -z "$locked" ] || rm -rf "$lock"
}

# lacks FOLDER PROGRAM...: the first program that FOLDER lacks; fails when none.
lacks() {
	folder=$1
	shift
	for program; do
		if [ ! -x "$folder/$program" ]; then
			printf '%s' "$program"
			return 0
		fi
	done
	return 1
}

result() {
	printf '%s\n' "$1" >&3
	exit 0
}

# take_lock waits until this process may fill the cache. A lock is a folder,
# because creating one is atomic everywhere. Only who holds $lock.breaking may
# remove a dead process' lock, so that no one removes a fresh one by mistake.
take_lock() {
	told=
	until mkdir "$lock" 2>/dev/null; do
		if lock_is_stale && mkdir "$lock.breaking" 2>/dev/null; then
			if lock_is_stale; then
				say "taking over from process ${owner:-unknown}, which ended without finishing"
				rm -rf "$lock"
			fi
			rmdir "$lock.breaking"
			continue
		fi
		# Whoever breaks a lock needs a moment for it, not a minute.
		[ -z "$(find "$lock.breaking" -prune -mmin +1 2>/dev/null)" ] || rmdir "$lock.breaking" 2>/dev/null || true
		if [ -z "$told" ]; then
			told=yes
			say "waiting for process ${owner:-unknown}, which prepares the same programs (lock: $lock)"
		fi
		sleep 1
	done
	locked=yes
	echo $$ >"$lock/pid"
}

lock_is_stale() {
	owner=$(cat "$lock/pid" 2>/dev/null || true)
	if [ -n "$owner" ]; then
		! kill -0 "$owner" 2>/dev/null
	else
		# No name in it yet: stale only if its owner died between two lines.
		[ -n "$(find "$lock" -prune -mmin +1 2>/dev/null)" ]
	fi
}

# lookup prints the folder of a cache entry that has all that is wanted.
lookup() {
	for entry in "$built" ${downloaded:+"$downloaded"}; do
		# shellcheck disable=SC2086 # a list of words
		if ! lacks "$entry" $wanted >/dev/null; then
			printf '%s' "$entry"
			return 0
		fi
	done
	return 1
}

# download fills $downloaded by setup-envtest.
download() {
	start=$(now)
	say "trying setup-envtest for prebuilt programs of Kubernetes $minor.x, at most $download_seconds s"
	say "(ATTACHE_CONTROLPLANE_NO_DOWNLOAD=1 leaves this out)"
	if ! run_at_most "$download_seconds" env GOBIN="$scratch/bin" GOFLAGS= GOWORK=off \
		go install "$setup_envtest" >"$scratch/log" 2>&1 ||
		! run_at_most "$download_seconds" "$scratch/bin/setup-envtest" use "$minor.x" \
			--os "$os" --arch "$arch" --bin-dir "$scratch/assets" -p path \
			>"$scratch/found" 2>"$scratch/log"; then
		say "no download after $(since "$start"): $(grep . "$scratch/log" | tail -n 1 || true)"
		return 1
	fi
	found=$(cat "$scratch/found")
	if missing=$(lacks "$found" etcd kube-apiserver kubectl); then
		say "the download in '$found' has no $missing: not used"
		return 1
	fi
	chmod -R u+w "$found"
	rm -rf "$downloaded"
	mv "$found" "$downloaded"
	say "downloaded in $(since "$start"): $downloaded"
}

# compile PACKAGE...: builds the programs into $scratch/programs.
compile() {
	start=$(now)
	run go -C "$tools" mod download || die "the module proxy did not deliver the sources: see above"
	say "sources are there after $(since "$start")"
	released=$(go -C "$tools" list -m -f '{{.Time.UTC.Format "2006-01-02T15:04:05Z"}}' k8s.io/kubernetes)
	stamped="-s -w"
	for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		stamped="$stamped -X $package.gitVersion=$version -X $package.gitMajor=${minor%.*} -X $package.gitMinor=${minor#*.}"
		stamped="$stamped -X $package.gitCommit=module-$version -X $package.gitTreeState=archive -X $package.buildDate=$released"
	done
	mkdir -p "$scratch/programs"
	start=$(now)
	say "compiling and linking: the longest step"
	# shellcheck disable=SC2086 # flags are a list of words
	run go -C "$tools" build $flags -ldflags "$stamped" -o "$scratch/programs/" "$@" ||
		die "the build failed after $(since "$start"): see above (what was compiled is kept in Go's build cache)"
	say "compiled and linked in $(since "$start")"
}

# build fills $built from source, with what is wanted and no more.
build() {
	say "building $wanted $version from source:"
	say "no prebuilt programs are at hand. This takes minutes, once per version: about 4 on two quiet"
	say "cores, and 2 or 3 more for kube-controller-manager, which only tests and the playground need."
	set -- k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kubectl go.etcd.io/etcd/server/v3
	case $wanted in
	*kube-controller-manager*) set -- "$@" k8s.io/kubernetes/cmd/kube-controller-manager ;;
	esac
	compile "$@"
	mv "$scratch/programs/server" "$scratch/programs/etcd"
	case $("$scratch/programs/kube-apiserver" --version) in
	*"$version") ;;
	*) die "the built kube-apiserver does not call itself $version: the version stamps in $0 no longer fit" ;;
	esac
	rm -rf "$built"
	mv "$scratch/programs" "$built"
	say "built: $built ($(du -sh "$built" | cut -f1))"
}

# build_controller_manager FOLDER: completes a folder that has the other programs.
build_controller_manager() {
	say "building kube-controller-manager $version: it is asked for, and $1 has none"
	into=$1
	compile k8s.io/kubernetes/cmd/kube-controller-manager
	mv "$scratch/programs/kube-controller-manager" "$into/"
	say "built: $into/kube-controller-manager"
}

wanted="etcd kube-apiserver kubectl"
case $* in
'') ;;
--controller-manager) wanted="$wanted kube-controller-manager" ;;
*) die "usage: $0 [--controller-manager]" ;;
esac

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
	# shellcheck disable=SC2086 # a list of words
	if missing=$(lacks "$KUBEBUILDER_ASSETS" $wanted); then
		die "KUBEBUILDER_ASSETS names $KUBEBUILDER_ASSETS, which has no $missing that could be run: add it, or unset KUBEBUILDER_ASSETS"
	fi
	result "$(CDPATH='' cd -- "$KUBEBUILDER_ASSETS" && pwd)"
fi

command -v go >/dev/null || die "Go is needed, and there is no 'go' in PATH: see https://go.dev/doc/install"
command -v git >/dev/null || die "git is needed, and there is no 'git' in PATH"
[ -n "${XDG_CACHE_HOME:-${HOME:-}}" ] || die "no place for a cache: set HOME or XDG_CACHE_HOME"

os=$(go env GOHOSTOS)
arch=$(go env GOHOSTARCH)
export CGO_ENABLED=0 GOOS="$os" GOARCH="$arch" GOFLAGS='' GOWORK=off
flags="-trimpath -buildvcs=false"

version=$(awk '{ sub(/^require /, "") } $1 == "k8s.io/kubernetes" { print $2 }' "$tools/go.mod")
[ -n "$version" ] || die "$tools/go.mod does not require k8s.io/kubernetes"
minor=${version#v}
minor=${minor%.*}
hash=$({ cat "$tools/go.mod" "$tools/go.sum" && echo "$flags -s -w"; } | git hash-object --stdin | cut -c1-12)

cache=${XDG_CACHE_HOME:-$HOME/.cache}/attache/controlplane
lock=$cache/.lock
built=$cache/$version-$os-$arch-$hash
downloaded=$built-envtest
[ -z "${ATTACHE_CONTROLPLANE_NO_DOWNLOAD:-}" ] || downloaded=

if folder=$(lookup); then
	result "$folder"
fi

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$cache"
take_lock
if folder=$(lookup); then # someone else was faster
	result "$folder"
fi
rm -rf "$cache"/.scratch-* # of runs that were killed: their lock was ours to take
scratch=$cache/.scratch-$$
mkdir "$scratch"

begin=$(now)
partial=
for entry in "$built" ${downloaded:+"$downloaded"}; do
	[ -n "$partial" ] || lacks "$entry" etcd kube-apiserver kubectl >/dev/null || partial=$entry
done
if [ -n "$partial" ]; then
	build_controller_manager "$partial" # that is all that it can lack
elif [ -n "$downloaded" ] && download; then
	lookup >/dev/null || build_controller_manager "$downloaded"
else
	build
fi
folder=$(lookup) || die "the folder is still not complete: this is a mistake in $0"
say "ready after $(since "$begin")"
result "$folder"
