#!/usr/bin/env bash
# Packages the chart with the image that was pushed, by its digest: chart.sh IMAGE@DIGEST FOLDER. The
# chart in this checkout stays as it is.
set -euo pipefail
cd "$(dirname "$0")/../.."
image=$1 folder=$2 go=${GO:-go}
repository=${image%@*} digest=${image##*@}
if ! [[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || [ "$repository" = "$image" ]; then
	echo "chart: \"$image\" is not an image with a digest: write NAME@sha256:…" >&2
	exit 1
fi
repository=$(echo "$repository" | sed -E 's,:[^/]*$,,')
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -R charts/attache "$work/attache"
values=$work/attache/values.yaml
sed -E -i.before \
	-e '/^image:/,/^[a-z]/ s|^(  repository: ).*|\1'"$repository"'|' \
	-e '/^image:/,/^[a-z]/ s|^(  digest: ).*|\1"'"$digest"'"|' "$values"
rm "$values.before"
if ! grep -qxF "  repository: $repository" "$values" || ! grep -qxF "  digest: \"$digest\"" "$values"; then
	echo "chart: values.yaml has no image.repository or image.digest to set" >&2
	exit 1
fi
"$go" tool -modfile=helm.mod helm package "$work/attache" --destination "$folder"
