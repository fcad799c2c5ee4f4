# Dante's danted: the SOCKS server that people run without ssh. As many processes as it makes by itself; nobody is asked who he is.

dante_needs() { need danted dante-server; }

dante_socks() { # LISTEN BACKEND
  cat > "$work/dante-$1.conf" <<EOF
internal: 127.0.0.1 port = $1
external: 127.0.0.1
clientmethod: none
socksmethod: none
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
EOF
  start "dante-$1" danted -f "$work/dante-$1.conf" -p "$work/dante-$1.pid"
}
dante_version() { danted -v 2>&1 | sed -n 's/^Dante v\([0-9.]*\).*/dante \1/p'; }
