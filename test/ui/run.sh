#!/usr/bin/env bash
# Runs the tests of the page in a real browser: test/ui/run.sh [journeys|looks|budgets].
# They need Node 20 or later, npm and Chromium. In continuous integration (CI is set) they are
# installed with apt-get; where that cannot be, the tests are left out, and it says so.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing() { # what of the three is not there
	local what=()
	[ "$(node -p 'process.versions.node.split(".")[0] >= 20' 2>/dev/null)" = true ] || what+=(nodejs)
	command -v npm >/dev/null || what+=(npm)
	[ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || what+=(chromium)
	echo "${what[*]:-}"
}

if [ -n "$(missing)" ] && [ -n "${CI:-}" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "test-ui: installing $(missing)"
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2046 # several words are several packages
	(apt-get update -qq && apt-get install -y -qq --no-install-recommends $(missing) fonts-dejavu-core) >/tmp/attache-ui-apt.log 2>&1 || tail -5 /tmp/attache-ui-apt.log
fi
if [ -n "$(missing)" ]; then
	echo "test-ui: not here: $(missing) (Node has to be 20 or later). On Debian: apt-get install $(missing); elsewhere set CHROMIUM to the program of a Chromium or Chrome."
	[ -n "${CI:-}" ] && { echo "test-ui: LEFT OUT, because these cannot be installed here"; exit 0; }
	exit 1
fi
if ! (cd test/ui && npm ci --no-audit --no-fund --loglevel=error); then
	[ -n "${CI:-}" ] && { echo "test-ui: LEFT OUT, because npm has no registry here"; exit 0; }
	exit 1
fi
test/ui/node_modules/.bin/tsc -p policy/console/page
go build -trimpath -o bin/ ./cmd/kubectl-effective_policy
export CHROMIUM=${CHROMIUM:-$(command -v chromium)}
exec node test/ui/run.mjs "$@"
