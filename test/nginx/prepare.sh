#!/usr/bin/env bash
# Prints the nginx that the tests of this package use: that of PATH, else the one of
# Debian's package, unpacked below the user's cache and not installed. Where neither
# is to be had it says so and ends well: the tests are skipped then.
set -euo pipefail

if command -v nginx; then
	exit 0
fi
folder=${XDG_CACHE_HOME:-$HOME/.cache}/attache/nginx
if [ -x "$folder/usr/sbin/nginx" ]; then
	echo "$folder/usr/sbin/nginx"
	exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
	echo "no nginx, and no apt-get to get it with: the comparison with nginx is skipped" >&2
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! (cd "$work" && apt-get download nginx >/dev/null 2>&1); then
	echo "apt-get download nginx failed: the comparison with nginx is skipped" >&2
	exit 0
fi
mkdir -p "$folder"
dpkg-deb -x "$work"/nginx_*.deb "$work/unpacked"
mkdir -p "$folder/usr/sbin"
cp "$work/unpacked/usr/sbin/nginx" "$folder/usr/sbin/nginx.new"
if ! "$folder/usr/sbin/nginx.new" -v 2>/dev/null; then
	echo "Debian's nginx does not run here: the comparison with nginx is skipped" >&2
	exit 0
fi
mv "$folder/usr/sbin/nginx.new" "$folder/usr/sbin/nginx"
echo "$folder/usr/sbin/nginx"
