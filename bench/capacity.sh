#!/usr/bin/env bash
# What a link and a connection cost a junction: memory, descriptors and processor time at both ends. Prints the table of docs/capacity.md, "Measured", of this machine.
#
#   bench/capacity.sh                                   200 links, 400 connections: a minute or so
#   LINKS=1000 CONNECTIONS=2000 REST=30 bench/capacity.sh   the quantities of docs/capacity.md (ulimit -n of 10,000)
#
# JUNCTION_BINARY is the junction to measure (default: publishes src/JunctionRelay.App).
set -euo pipefail
: "${LINKS:=200}" "${CONNECTIONS:=400}" "${REST:=10}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
running=()
trap 'kill "${running[@]}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
ulimit -n "$(ulimit -Hn)"

if [ -z "${JUNCTION_BINARY:-}" ]; then
  dotnet publish "$here/../src/JunctionRelay.App" -c Release -o "$work/out" -v quiet --nologo
  JUNCTION_BINARY=$work/out/junction
fi
junction=$(readlink -f "$JUNCTION_BINARY")
unset JUNCTION_BINARY   # to a junction it would be configuration
cd "$work"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
links=$(free_port) relay=$(free_port) server=$(free_port)
for name in hq cloud; do
  [ $name = cloud ] || "$junction" pki init --junction hq >/dev/null
  "$junction" pki issue $name >/dev/null
done
cat >hq.json <<END
{ "identity": { "directory": "hq" }, "linkListen": ["127.0.0.1:$links"], "peers": { "cloud": { "services": ["echo"], "maxStreams": 100000 } },
  "services": { "echo": { "target": ["127.0.0.1:$server"] } } }
END
cloud() {   # a configuration with so many links
  local i comma=
  printf '{ "identity": { "directory": "cloud" }, "relays": { "echo": { "listen": ["127.0.0.1:%s"], "target": ["link://l1/echo"] } }, "links": {' "$relay"
  for ((i = 1; i <= $1; i++)); do printf '%s "l%s": { "dial": ["127.0.0.1:%s"], "peer": "hq" }' "$comma" "$i" "$links"; comma=,; done
  printf ' } }\n'
}
cloud 1 >cloud.json

# Memory in KB, processor time in ms, descriptors.
figures() {
  local pid=$1 stat
  stat=$(sed 's/.*) //' "/proc/$pid/stat")
  # shellcheck disable=SC2086
  set -- $stat
  echo "$(sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status") $((10 * (${12} + ${13}))) $(find "/proc/$pid/fd" -mindepth 1 | wc -l)"
}
until_is() {   # until the command after these prints what is wanted
  local wanted=$1 tries
  shift
  for ((tries = 0; tries < 1200; tries++)); do [ "$("$@")" != "$wanted" ] || return 0; sleep 0.1; done
  echo "capacity.sh: not within two minutes: $* is $wanted" >&2
  tail -n 3 hq.log cloud.log >&2
  exit 1
}
links_up() { ss -Htn state established "sport = :$links" | wc -l; }
ready() { grep -c 'ready:' "$1" || true; }

python3 - "$server" <<'END' &
import asyncio, sys
async def echo(r, w):
    while d := await r.read(4096): w.write(d)
    w.close()
async def main():
    await (await asyncio.start_server(echo, "127.0.0.1", int(sys.argv[1]), backlog=1000)).serve_forever()
asyncio.run(main())
END
running+=($!)
"$junction" run hq.json --log-format text >hq.log 2>&1 & hq=$!; running+=($hq)
until_is 1 ready hq.log
"$junction" run cloud.json --log-format text >cloud.log 2>&1 & dialler=$!; running+=($dialler)
until_is 1 links_up
sleep "$REST"
idle=("$(figures $hq)" "$(figures $dialler)")

cloud "$LINKS" >next.json && mv next.json cloud.json && kill -HUP $dialler
until_is "$LINKS" links_up
sleep "$REST"
linked=("$(figures $hq)" "$(figures $dialler)")
sleep "$REST"
rested=("$(figures $hq)" "$(figures $dialler)")

python3 - "$relay" "$CONNECTIONS" >clients.log <<'END' &
import asyncio, sys
async def main():
    held = []
    for _ in range(int(sys.argv[2])):
        r, w = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
        w.write(b"x" * 150)
        await r.readexactly(150)
        held.append((r, w))
    print("held", flush=True)
    await asyncio.sleep(1e6)
asyncio.run(main())
END
running+=($!)
until_is held cat clients.log
held=("$(figures $hq)" "$(figures $dialler)")

line() { printf '| %s | %s | %s |\n' "$@"; }
# The difference of one column of two readings, for each of so many.
each() { awk -v a="$1" -v b="$2" -v n="$3" -v c="$4" -v d="$5" 'BEGIN { split(a, x, " "); split(b, y, " "); printf "%.*f", d, (y[c] - x[c]) / n }'; }
echo "$(date --utc +%F), $(nproc) cores, load $(cut -d ' ' -f 1-3 /proc/loadavg), $("$junction" --version): $LINKS links, $CONNECTIONS connections over one of them"
echo
line '' 'at the junction that accepts links' 'at the end that dials'
line --- --- ---
line 'started, one link' "$(awk '{ printf "%.0f MB, %d descriptors", $1 / 1024, $3 }' <<<"${idle[0]}")" "$(awk '{ printf "%.0f MB, %d descriptors", $1 / 1024, $3 }' <<<"${idle[1]}")"
more=$((LINKS - 1))
line 'one link' "$(each "${idle[0]}" "${linked[0]}" $more 1 0) KB, $(each "${idle[0]}" "${linked[0]}" $more 3 1) descriptors" "$(each "${idle[1]}" "${linked[1]}" $more 1 0) KB, $(each "${idle[1]}" "${linked[1]}" $more 3 1) descriptors"
line 'making a link' "$(each "${idle[0]}" "${linked[0]}" $more 2 1) ms of CPU" "$(each "${idle[1]}" "${linked[1]}" $more 2 1) ms of CPU"
line 'a link that is up, each second' "$(each "${linked[0]}" "${rested[0]}" $((LINKS * REST)) 2 3) ms of CPU" "$(each "${linked[1]}" "${rested[1]}" $((LINKS * REST)) 2 3) ms of CPU"
line 'one connection, idle' "$(each "${rested[0]}" "${held[0]}" "$CONNECTIONS" 1 1) KB, $(each "${rested[0]}" "${held[0]}" "$CONNECTIONS" 3 1) descriptors" "$(each "${rested[1]}" "${held[1]}" "$CONNECTIONS" 1 1) KB, $(each "${rested[1]}" "${held[1]}" "$CONNECTIONS" 3 1) descriptors"
line 'opening one, with a first exchange of bytes' "$(each "${rested[0]}" "${held[0]}" "$CONNECTIONS" 2 2) ms of CPU" "$(each "${rested[1]}" "${held[1]}" "$CONNECTIONS" 2 2) ms of CPU"
