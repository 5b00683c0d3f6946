#!/usr/bin/env bash
# krew validates the manifest in a folder, and installs the plugin from the archive of every platform of
# it, as it does there: krew.sh FOLDER. Nothing is downloaded but the source of krew.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(cd "$1" && pwd) go=${GO:-go}
manifest=$folder/effective-policy.yaml
"$go" tool -modfile=release.mod validate-krew-manifest --manifest "$manifest" --skip-install
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$go" build -modfile=release.mod -o "$work/krew" sigs.k8s.io/krew/cmd/krew
installed=0
for archive in "$folder"/kubectl-effective_policy_*.tar.gz "$folder"/kubectl-effective_policy_*.zip; do
	[ -f "$archive" ] || continue
	name=$(basename "$archive") suffix=
	name=${name%.tar.gz} name=${name%.zip}
	arch=${name##*_} rest=${name%_*}
	os=${rest##*_}
	[ "$os" != windows ] || suffix=.exe
	if ! KREW_ROOT=$work/$os-$arch KREW_OS=$os KREW_ARCH=$arch KREW_NO_UPGRADE_CHECK=1 \
		"$work/krew" install --manifest "$manifest" --archive "$archive" </dev/null >"$work/said" 2>&1; then
		cat "$work/said" >&2
		exit 1
	fi
	store=$(echo "$work/$os-$arch"/store/effective-policy/*)
	cmp "$store/kubectl-effective_policy$suffix" "$folder/$name$suffix"
	[ -s "$store/LICENSE" ] && [ -s "$store/THIRD-PARTY-LICENSES.txt" ]
	[ "$os" = windows ] || [ -x "$store/kubectl_complete-effective_policy" ]
	[ -e "$work/$os-$arch/bin/kubectl-effective_policy$suffix" ]
	rm -rf "${work:?}/$os-$arch"
	installed=$((installed + 1))
done
wanted=$(grep -c '^ *sha256:' "$manifest")
[ "$installed" -eq "$wanted" ] || { echo "krew: $installed archives for $wanted platforms" >&2; exit 1; }
echo "krew: the manifest is valid, and $installed platforms install from it"
