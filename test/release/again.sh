#!/usr/bin/env bash
# Builds what is in a folder a second time, from a copy of the source at another path and with an
# empty build cache, and compares every byte: again.sh FOLDER VERSION [PLATFORMS].
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$(cd "$1" && pwd) version=$2 platforms=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/elsewhere" "$work/cache"
git ls-files --cached --others --exclude-standard | while IFS= read -r file; do
	[ ! -f "$file" ] || printf '%s\n' "$file"
done | tar -cf - -T - | tar -xf - -C "$work/elsewhere"
# What packs the programs is not compared, so that it need not be compiled anew.
"${GO:-go}" build -o "$work/release" ./test/release
echo "dist-again: every program is compiled anew, with all of its libraries, which takes minutes for each platform"
(cd "$work/elsewhere" && GOCACHE="$work/cache" "$work/release" --version "$version" --out "$work/again" ${platforms:+--platforms "$platforms"})
diff -r "$folder" "$work/again"
echo "dist-again: $(wc -l <"$folder/checksums.txt") files, all the same bytes"
