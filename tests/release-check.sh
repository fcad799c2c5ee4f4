#!/usr/bin/env bash
# Before a release: all tests with the quantities that the promises name (1 GiB both ways, a COPY of 100 MB, 300 clients as processes of
# their own). Writes what came of it to tests/release-check.txt, which is committed.
set -uo pipefail
cd "$(dirname "$0")/.."
report=tests/release-check.txt
out=$(mktemp)
commit=$(git describe --always --dirty)
trap 'rm -f "$out"' EXIT

JUNCTION_SCALE=full JUNCTION_MODEL=full bash tests/run.sh | tee "$out"
status=${PIPESTATUS[0]}
{
  echo "# bash tests/release-check.sh"
  echo "date     $(date --utc +%F)"
  echo "commit   $commit"
  echo "machine  $(nproc) cores, $(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo | awk '{printf "%.0f GiB", $1 / 1048576}'), $(. /etc/os-release && echo "$PRETTY_NAME"), .NET $(dotnet --version)"
  echo
  echo "# figures: what tests have measured on that machine, at their full quantities"
  sed -n 's/^  · //p' "$out"
  echo
  sed -E 's/^[0-9:]{8} //' "$out" | grep -v '^  · ' | grep -E 'passed, [0-9]+ failed|their classes once more|at the second try'
} >"$report"
echo "written: $report"
tail -n 1 "$out"
exit "$status"
