#!/usr/bin/env bash
# Measures junction beside haproxy, nginx, stunnel and ssh -L in one run and prints one table. See README.md in this folder.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$here")

usage() {
  cat <<'EOF'
Usage: bench/compare.sh [--quick] [--rivals-only] [--name WHAT] [--no-results]

  --quick         one short round: shows that everything works, not who is faster
  --rivals-only   without junction
  --name WHAT     results go to bench/results/YYYY-MM-DD-WHAT.md (default: compare)
  --no-results    print only

Environment:
  ROUNDS   rounds, interleaved; figures are their medians (default 3)
  PRIME    how long each case runs through each relay once, uncounted, before the first round (default 1s)
  WINDOW   length of one measurement (default 500ms)
  CASES    what to measure (default idle1000,push1,push4,pull1,pull4,pp1,pp32,crr1,crr16)
  PLAIN    relays compared in the open (default: haproxy haproxy-splice nginx junction)
  PAIRS    pairs compared, TLS between (default: haproxy nginx stunnel ssh junction junction-link)
  SOCKS        SOCKS entrances compared, with connect-request-close (default: dante junction; empty = none)
  SOCKS_PAIRS  the same with an encrypted line behind (default: ssh junction-link)
  RTT      round trip of the WAN case (default 50ms; 0 = without it)
  PINNED   yes: relays have processor 0 to themselves, both ends of a pair together; load and backend have processor 1 (default: no)
  JUNCTION_BINARY  the junction to measure (default: publishes src/JunctionRelay.App)
  LOAD_BINARY      the load program (default: publishes bench/JunctionRelay.Load)
EOF
}

quick=no rivals_only=no what=compare results=yes
arguments=("$@")
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=yes ;;
    --rivals-only) rivals_only=yes ;;
    --no-results) results=no ;;
    --name) what=${2:?--name needs a word}; shift ;;
    -h|--help) usage; exit 0 ;;
    *) echo "compare.sh: unknown argument '$1'" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
if [ $quick = yes ]; then
  : "${ROUNDS:=1}" "${PRIME:=300ms}" "${WINDOW:=150ms}" "${CASES:=idle200,push1,push4,pull1,pull4,pp1,pp32,crr1,crr16}"
fi
: "${ROUNDS:=3}" "${PRIME:=1s}" "${WINDOW:=500ms}" "${CASES:=idle1000,push1,push4,pull1,pull4,pp1,pp32,crr1,crr16}" "${RTT:=50ms}" "${PINNED:=no}"
: "${SOCKS=dante junction}" "${SOCKS_PAIRS=ssh junction-link}"
: "${PLAIN=haproxy haproxy-splice nginx junction}" "${PAIRS=haproxy nginx stunnel ssh junction junction-link}"
if [ $rivals_only = yes ]; then
  PLAIN=$(tr ' ' '\n' <<< "$PLAIN" | grep -v '^junction' | xargs)
  PAIRS=$(tr ' ' '\n' <<< "$PAIRS" | grep -v '^junction' | xargs)
  SOCKS=$(tr ' ' '\n' <<< "$SOCKS" | grep -v '^junction' | xargs)
  SOCKS_PAIRS=$(tr ' ' '\n' <<< "$SOCKS_PAIRS" | grep -v '^junction' | xargs)
fi

# Build first: what follows has no network.
if [ -z "${LOAD_BINARY:-}" ]; then
  dotnet publish "$here/JunctionRelay.Load" -c Release -o "$here/out/load" -v quiet --nologo
  LOAD_BINARY=$here/out/load/JunctionRelay.Load
fi
if [ -z "${JUNCTION_BINARY:-}" ] && [[ " $PLAIN $PAIRS $SOCKS $SOCKS_PAIRS " == *" junction"* ]]; then
  dotnet publish "$repository/src/JunctionRelay.App" -c Release -o "$here/out/junction" -v quiet --nologo
  JUNCTION_BINARY=$here/out/junction/junction
fi
export LOAD_BINARY JUNCTION_BINARY ROUNDS PRIME WINDOW CASES PLAIN PAIRS SOCKS SOCKS_PAIRS RTT PINNED

# As root everything runs in namespaces of its own: no port is taken from anybody, the range of local ports is wide enough for a flood
# of short connections, and nothing outlives this script even if it is killed. Without root it runs on the machine's own loopback.
if [ "$(id -u)" = 0 ] && [ -z "${COMPARE_INSIDE:-}" ] && unshare --net --pid --mount --fork --mount-proc true 2> /dev/null; then
  COMPARE_INSIDE=yes unshare --net --pid --mount --fork --kill-child --mount-proc "$0" "${arguments[@]}" &
  inside=$!
  # unshare itself would wait out a TERM; killed, it takes everything inside with it.
  trap 'kill -9 $inside; exit 130' INT TERM
  outcome=0
  wait $inside || outcome=$?
  exit $outcome
fi
if [ -n "${COMPARE_INSIDE:-}" ]; then
  ip link set lo up
  echo '1024 65535' > /proc/sys/net/ipv4/ip_local_port_range
  mount -t tmpfs tmpfs /run && mkdir /run/sshd   # sshd insists on this directory when root starts it
fi
export -n JUNCTION_BINARY   # to junction, JUNCTION_ in the environment is configuration
ulimit -n "$(ulimit -Hn)"
# Connections that a relay may hold: two descriptors each, haproxy's pipes for splicing half as many again, and some to spare.
most=$(ulimit -n)
if [ "$most" = unlimited ] || [ "$most" -gt 100000 ]; then most=100000; fi
most=$((most * 10 / 26))

if [ -n "${COMPARE_INSIDE:-}" ]; then
  work=/run/compare && mkdir $work   # goes with the namespace
else
  work=$(mktemp -d)
fi
started=()
cleanup() {
  trap - EXIT INT TERM
  [ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2> /dev/null || true
  for pid in "${started[@]}"; do
    # A second to end in order, then no more asking.
    for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$pid" 2> /dev/null || continue 2; sleep 0.1; done
    kill -9 "$pid" 2> /dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What rivals/*.sh use -------------------------------------------------------------------------------------------------------------------
relaying=() beside=()   # what a relay, and what everything else is started under
if [ "$PINNED" = yes ]; then
  relaying=(taskset --cpu-list 0)
  beside=(taskset --cpu-list 1)
fi
cipher=TLS_AES_128_GCM_SHA256
lacking=""
missing() { lacking="$lacking $1"; }
need() { command -v "$1" > /dev/null || missing "$2"; }   # PROGRAM PACKAGE

start() { # NAME COMMAND...: runs it in the background; its process id is in $pid
  local name=$1 place=("${beside[@]}")
  shift
  [ "$1" = "$LOAD_BINARY" ] || place=("${relaying[@]}")
  "${place[@]}" "$@" > "$work/$name.log" 2>&1 < /dev/null &
  pid=$!
  started+=("$pid")
  disown "$pid"   # or bash would report its end
}

await_port() { # PORT NAME: until somebody accepts there, at most 15 s
  for _ in $(seq 150); do
    if (: > "/dev/tcp/127.0.0.1/$1") 2> /dev/null; then return; fi
    if ! kill -0 "$pid" 2> /dev/null; then break; fi
    sleep 0.1
  done
  echo "compare.sh: $2 does not accept on port $1; its log:" >&2
  tail -n 20 "$work/${2%%-*}"*.log >&2
  exit 1
}

next_port() { # the next free port, in $port
  port=${ports[0]}
  ports=("${ports[@]:1}")
}

next_backend() { # a port of the backend of its own for each relay (connections in TIME_WAIT are counted per port), in $backend
  backend=${backends[0]}
  backends=("${backends[@]:1}")
}

certificates() {
  openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key" 2> /dev/null
  openssl req -x509 -new -key "$work/ca.key" -subj /CN=bench-ca -days 2 -out "$work/ca.crt" 2> /dev/null
  local name
  for name in cloud enterprise; do
    openssl ecparam -name prime256v1 -genkey -noout -out "$work/$name.key" 2> /dev/null
    openssl req -new -key "$work/$name.key" -subj "/CN=$name" -out "$work/$name.csr" 2> /dev/null
    openssl x509 -req -in "$work/$name.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 2 -out "$work/$name.crt" \
      -extfile <(printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\n' "$name") 2> /dev/null
    cat "$work/$name.crt" "$work/$name.key" > "$work/$name.pem"
  done
}

for rival in "$here"/rivals/*.sh; do
  # shellcheck source=/dev/null
  . "$rival"
done

for name in $PLAIN $PAIRS $SOCKS $SOCKS_PAIRS; do
  declare -F "${name//-/_}_needs" > /dev/null || { echo "compare.sh: there is no relay '$name' in bench/rivals" >&2; exit 2; }
  "${name//-/_}_needs"
done
need openssl openssl
[ -z "${COMPARE_INSIDE:-}" ] || need ip iproute2
if [ -n "$lacking" ]; then
  echo "compare.sh: missing Debian packages:$lacking" >&2
  echo "Install them (apt-get install$lacking), or leave their relays out: PLAIN='...' PAIRS='...'" >&2
  exit 1
fi

# Start everything -----------------------------------------------------------------------------------------------------------------------
certificates
left_out=""
for name in $PAIRS; do
  if declare -F "${name//-/_}_usable" > /dev/null && ! "${name//-/_}_usable"; then left_out="$left_out $name"; fi
done
for name in $left_out; do
  echo "compare.sh: $name is left out: the build that is measured cannot do it yet" >&2
  PAIRS=$(tr ' ' '\n' <<< "$PAIRS" | grep -vx "$name" | xargs)
done
mapfile -t ports < <("$LOAD_BINARY" ports 80)
backends=() listens=()
for _ in $PLAIN $PAIRS $PAIRS $SOCKS $SOCKS_PAIRS direct direct; do
  next_port
  backends+=("$port")
  listens+=(--listen "127.0.0.1:$port")
done
start backend "$LOAD_BINARY" backend "${listens[@]}"
await_port "${backends[-1]}" backend

relays=()
next_backend
direct=$backend
[ -z "$PLAIN" ] || relays+=(--relay "plain/direct=127.0.0.1:$direct")
for name in $PLAIN; do
  next_backend
  next_port
  "${name//-/_}_plain" "$port" "$backend"
  await_port "$port" "${name%-splice}"
  relays+=(--relay "plain/$name=127.0.0.1:$port,pid=$pid")
done

# Entrances: the client says where to; connect-request-close is what they are for.
for name in $SOCKS; do
  next_backend
  next_port
  "${name//-/_}_socks" "$port" "$backend"
  await_port "$port" "$name"
  relays+=(--relay "socks/$name=127.0.0.1:$port,pid=$pid,case=crr1,case=crr16,socks=127.0.0.1:$backend")
done
for name in $SOCKS_PAIRS; do
  next_backend
  next_port
  server=$port
  "${name//-/_}_socks_server" "$server" "$backend"
  server_pid=$pid
  await_port "$server" "$name"
  next_port
  "${name//-/_}_socks_client" "$port" "$server"
  await_port "$port" "$name"
  relays+=(--relay "socks pair/$name=127.0.0.1:$port,pid=A:$pid,pid=B:$server_pid,case=crr1,case=crr16,socks=127.0.0.1:$backend")
done

wan=()
for name in $PAIRS; do
  next_backend
  next_port
  server=$port
  "${name//-/_}_server" "$server" "$backend"
  server_pid=$pid
  await_port "$server" "$name"
  next_port
  "${name//-/_}_client" "$port" "$server" "$backend"
  await_port "$port" "$name"
  relays+=(--relay "pair/$name=127.0.0.1:$port,pid=A:$pid,pid=B:$server_pid")
  if [ "$RTT" != 0 ]; then
    # The same server, reached by a second client over a proxy that delays.
    next_port
    delayed=$port
    start "delay-$delayed" "$LOAD_BINARY" delay --listen "127.0.0.1:$delayed" --to "127.0.0.1:$server" --round-trip "$RTT"
    await_port "$delayed" delay
    next_port
    "${name//-/_}_client" "$port" "$delayed" "$backend"
    await_port "$port" "$name"
    wan+=(--relay "wan $RTT/$name=127.0.0.1:$port,case=checkout1")
  fi
done
if [ ${#wan[@]} -gt 0 ]; then
  next_port
  start "delay-$port" "$LOAD_BINARY" delay --listen "127.0.0.1:$port" --to "127.0.0.1:$direct" --round-trip "$RTT"
  await_port "$port" delay
  relays+=(--relay "wan $RTT/direct=127.0.0.1:$port,case=checkout1" "${wan[@]}")
fi

# Measure and tell -----------------------------------------------------------------------------------------------------------------------
describe() {
  local commit versions=()
  if commit=$(git -C "$repository" rev-parse --short HEAD 2> /dev/null); then
    git -C "$repository" diff --quiet HEAD || commit="$commit with changes"
  fi
  for name in $(tr ' ' '\n' <<< "$PLAIN $PAIRS $SOCKS $SOCKS_PAIRS" | sed '/^$/d; s/-.*//' | sort -u); do versions+=("$("${name}_version")"); done
  cat <<EOF
# $what, $(date +%F)

* Machine: $(nproc) CPUs ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1e6 }' /proc/meminfo),
  $(. /etc/os-release; echo "$PRETTY_NAME"), kernel $(uname -r | sed 's/-.*//'), congestion control $(cat /proc/sys/net/ipv4/tcp_congestion_control),
  $(openssl version | cut -d' ' -f1,2). Load average before: $(cut -d' ' -f1-3 /proc/loadavg).
* Commit: ${commit:-unknown}. Versions: $(printf '%s, ' "${versions[@]}" | sed 's/, $//').
* Command: \`ROUNDS=$ROUNDS PRIME=$PRIME WINDOW=$WINDOW CASES=$CASES RTT=$RTT PINNED=$PINNED PLAIN='$PLAIN' PAIRS='$PAIRS' SOCKS='$SOCKS' SOCKS_PAIRS='$SOCKS_PAIRS' bench/compare.sh${arguments[*]:+ ${arguments[*]}}\`

Medians over rounds ($ROUNDS), interleaved. ×: how many times worse than the best rival of the row (below 1 = better than every rival).
spread: largest / smallest round of the middle relay; a ratio inside it shows nothing. pair: CPU and memory of both ends together.

EOF
}

describe > "$work/report.md"
outcome=0
"${beside[@]}" "$LOAD_BINARY" load "${relays[@]}" --cases "$CASES" --rounds "$ROUNDS" --prime "$PRIME" --window "$WINDOW" --json "$work/samples.json" > "$work/table.md" || outcome=$?
cat "$work/table.md" >> "$work/report.md"
cat "$work/report.md"
if [ $results = yes ]; then
  mkdir -p "$here/results"
  cp "$work/report.md" "$here/results/$(date +%F)-$what.md"
  echo "Written to bench/results/$(date +%F)-$what.md"
fi
exit $outcome
