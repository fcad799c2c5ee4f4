#!/usr/bin/env bash
# All tests: unit tests, and scenarios in which the published `junction` meets real programs. On Debian, as root, what is
# missing is installed; elsewhere it is named. What fails is tried once more by itself, and named. The last line is the sum over all test projects: N passed, N failed.
#
#   bash tests/run.sh                        everything, reduced to minutes on two cores
#   JUNCTION_SCALE=full bash tests/run.sh    everything, with the quantities that the promises name
#   bash tests/run.sh --filter-class '*Ecflow*'    some of it (any option of the test runner)
set -euo pipefail
cd "$(dirname "$0")/.."
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 TESTINGPLATFORM_TELEMETRY_OPTOUT=1 MSBUILDDISABLENODEREUSE=1

say() { printf '%s %s\n' "$(date +%T)" "$*"; }
fail() { printf '%s\n' "$*" >&2; printf '0 passed, 1 failed\n'; exit 1; }

# What the scenarios start, and the Debian package that brings it.
programs() {
  cat <<'LIST'
ecflow_server ecflow-server
ecflow_client ecflow-client
pyro4-ns python3-pyro4
python3 python3
stunnel stunnel4
haproxy haproxy
nginx nginx-light
iperf3 iperf3
psql postgresql-client
openssl openssl
sslscan sslscan
testssl testssl.sh
faketime faketime
promtool prometheus
chromium chromium
tcsh tcsh
socat socat
tinyproxy tinyproxy
curl curl
proxychains4 proxychains4
ip iproute2
ss iproute2
iptables iptables
prlimit util-linux
unshare util-linux
setpriv util-linux
script bsdutils
ps procps
systemd-analyze systemd
ssh openssh-client
sshd openssh-server
git git
gcc gcc
dnsmasq dnsmasq-base
LIST
  [ "$release" = no ] || printf '%s\n' 'buildah buildah' 'debootstrap debootstrap' 'make make'
}

missing_packages() {
  programs | while read -r program package; do
    command -v "$program" >/dev/null || echo "$package"
  done
  ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || echo postgresql
  python3 -c 'import yaml' 2>/dev/null || echo python3-yaml
  /usr/bin/python3 -c 'import kubernetes, yaml' 2>/dev/null || echo python3-kubernetes python3-yaml
  [ -e /usr/include/stdio.h ] || echo libc6-dev
  ls /usr/lib/nginx/modules/ngx_stream_module.so >/dev/null 2>&1 || echo libnginx-mod-stream
}

install_missing() {
  local missing
  missing=$(missing_packages | sort -u | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  command -v apt-get >/dev/null || fail "Missing: ${missing% } (names of Debian's packages). Install them and run this again."
  [ "$(id -u)" = 0 ] || fail "Missing: ${missing% }. Run \`sudo apt-get install ${missing% }\`, or run this as root."
  say "installing ${missing% }"
  # The scenarios start their own servers; nothing that is installed here may start one of its own.
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f /usr/sbin/policy-rc.d; rm -rf "$work"' EXIT
  fi
  # shellcheck disable=SC2086
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing; } >"$work/apt.log" 2>&1 ||
    { tail -n 20 "$work/apt.log" >&2; fail "apt-get could not install: ${missing% }"; }
}

# Started in the background or under nohup, what we start would find INT or HUP ignored, and so would every junction under test.
fresh=()
env --default-signal true 2>/dev/null && fresh=(env --default-signal)

# What tests have measured, as they write it (ITestOutputHelper): a few lines of each that passed. Those of the unit tests are logs.
figures() {
  awk '
    /^(passed|failed|skipped) / { test = $1 == "passed" ? $2 : ""; sub(/^JunctionRelay\.[A-Za-z]+\./, "", test); sub(/\(.*/, "", test); writes = 0; lines = 0; next }
    /^  Standard output/ { writes = test != ""; next }
    /^  Error output/ || /^[^ ]/ { writes = 0 }
    writes && NF && lines++ < 4 { sub(/^ +/, ""); printf "  · %s: %s\n", test, substr($0, 1, 240) }
  ' "$1"
}

# The log without the tests that passed.
troubles() { awk '/^passed / { skip = 1 } /^(failed|skipped|Test run summary)/ { skip = 0 } !skip' "$1"; }

# Runs one test project and adds its counts to the sum.
passed=0 failed=0
run_project() {
  local name=$1 start=$SECONDS status=0 summary verbosity=Normal
  [ "$name" != JunctionRelay.Scenarios ] || verbosity=Detailed
  shift
  say "$name"
  "${fresh[@]}" "tests/$name/bin/Release/net10.0/$name" --no-ansi --no-progress --fail-skips on --output $verbosity --results-directory "$work" "$@" >"$work/$name.log" 2>&1 || status=$?
  [ $verbosity = Normal ] || figures "$work/$name.log"
  summary=$(grep -A 6 '^Test run summary' "$work/$name.log" || true)
  local ok bad
  ok=$(sed -n 's/^ *succeeded: *//p' <<<"$summary")
  bad=$(sed -n 's/^ *failed: *//p' <<<"$summary")
  if [ "${bad:-0}" != 0 ] && [ "$filtered" = no ]; then
    # What fails beside another scenario on a busy machine gets a second try by itself, and is named either way.
    local again first=$bad
    again=$(sed -nE "s/^failed ($name\.[A-Za-z0-9_.]+)\.[A-Za-z0-9_]+[ (].*/\1/p" "$work/$name.log" | sort -u)
    if [ -n "$again" ]; then
      troubles "$work/$name.log" | sed 's/^/    /' | grep -A 30 '^    failed' || true
      say "$name: $bad failed; their classes once more: $(tr '\n' ' ' <<<"$again")"
      status=0
      # shellcheck disable=SC2086
      "${fresh[@]}" "tests/$name/bin/Release/net10.0/$name" --no-ansi --no-progress --fail-skips on --results-directory "$work" --filter-class $again >"$work/$name.log" 2>&1 || status=$?
      bad=$(grep -A 6 '^Test run summary' "$work/$name.log" | sed -n 's/^ *failed: *//p' || true)
      bad=${bad:-$first}
      ok=$((ok + first - bad))
      [ "$bad" -ge "$first" ] || say "$name: $((first - bad)) passed at the second try only"
    fi
  fi
  # A runner that ends badly without counting a failure (a crash, no test at all) is one.
  if [ "$status" != 0 ] && [ "${bad:-0}" = 0 ] && ! { [ "$status" = 8 ] && [ "$filtered" = yes ]; }; then bad=1; fi
  if [ "${bad:-0}" != 0 ]; then troubles "$work/$name.log" | sed 's/^/    /'; fi
  passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0}))
  say "$name: ${ok:-0} passed, ${bad:-0} failed ($((SECONDS - start)) s)"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
filtered=no
[ $# = 0 ] || filtered=yes
# Scenarios that need minutes whatever they move: in the release check, and when somebody asks for them.
release=no
if [ "$filtered" = yes ] || [ "${JUNCTION_SCALE:-ci}" = full ]; then release=yes; fi
[ "$release" = yes ] || set -- --filter-not-trait Size=Release

command -v dotnet >/dev/null || fail "Missing: dotnet, the .NET 10 SDK (https://dotnet.microsoft.com/download)."
[ "$(id -u)" = 0 ] || fail "The scenarios make network namespaces and start servers as other users: run this as root."
install_missing

say "building"
# A props file of the user's may have turned the analyzers off, and what they find is part of the build.
dotnet build JunctionRelay.sln -c Release -v quiet -nologo -warnaserror -p:RunAnalyzers=true >"$work/build.log" 2>&1 || { sort -u "$work/build.log" >&2; fail "The build failed."; }
# Compiled ahead, as the container's program is: a third less processor time at each of a thousand starts.
dotnet publish src/JunctionRelay.App -c Release --use-current-runtime --self-contained false -p:PublishReadyToRun=true -p:RunAnalyzers=false \
  -p:NuGetLockFilePath=obj/ahead.lock.json -o "$work/out" -v quiet -nologo >"$work/publish.log" 2>&1 || { cat "$work/publish.log" >&2; fail "Publishing failed."; }
export JUNCTION_BINARY="$work/out/junction"
chmod 755 "$work"   # some scenarios run it as another user

# Unit tests first: they tell in seconds.
for project in $(ls -d tests/*/*.csproj | sort --reverse); do
  run_project "$(basename "$project" .csproj)" "$@"
done

[ $((passed + failed)) != 0 ] || { echo "No test ran." >&2; failed=1; }
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
