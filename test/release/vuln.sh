#!/usr/bin/env bash
# Known vulnerabilities that the programs can reach, by govulncheck. It reads the Go vulnerability
# database; without that it has checked nothing, and says so: exit code 3, where 1 is a finding.
set -uo pipefail
cd "$(dirname "$0")/../.."
database=${GOVULNDB:-https://vuln.go.dev}
output=$(mktemp)
trap 'rm -f "$output"' EXIT
"${GO:-go}" tool -modfile=release.mod govulncheck -db "$database" ./cmd/... 2>&1 | tee "$output"
code=${PIPESTATUS[0]}
if [ "$code" -ne 0 ] && grep -q 'fetching vulnerabilities' "$output"; then
	printf '\nvuln: NOTHING WAS CHECKED: the vulnerability database %s cannot be read from here.\n' "$database" >&2
	printf '    -> run it where that host can be reached, or set GOVULNDB to a copy of it\n' >&2
	exit 3
fi
[ "$code" -eq 0 ] && echo "vuln: nothing known can be reached"
exit "$code"
