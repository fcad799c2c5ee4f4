# Ourselves: one `junction run` between two ports; a pair with a TLS connection for each relayed one, as stunnel does it; and a pair
# with one link for all of them.

junction_needs() { :; }
junction_link_needs() { :; }

# Links come later than relays: a build without them says so itself.
junction_link_usable() {
  junction_link_config 1 2 > "$work/link.json"
  "$JUNCTION_BINARY" validate "$work/link.json" > /dev/null 2>&1
}

junction_run() { # NAME; the configuration on standard input
  cat > "$work/$1.json"
  start "$1" "$JUNCTION_BINARY" run "$work/$1.json"
}

junction_identity() { # NAME
  printf '"name": "%s", "identity": { "certificate": "%s.crt", "key": "%s.key", "trust": "ca.crt" }' "$1" "$1" "$1"
}

junction_plain() {
  junction_run "junction-$1" <<EOF
{ "name": "cloud", "relays": { "bench": { "listen": ["127.0.0.1:$1"], "target": ["127.0.0.1:$2"], "maxConnections": $most } } }
EOF
}
junction_client() {
  junction_run "junction-$1" <<EOF
{ $(junction_identity cloud), "relays": { "bench": {
  "listen": ["127.0.0.1:$1"], "target": ["tls://127.0.0.1:$2"], "tls": { "serverName": "enterprise" }, "maxConnections": $most } } }
EOF
}
junction_server() {
  junction_run "junction-$1" <<EOF
{ $(junction_identity enterprise), "relays": { "bench": {
  "listen": ["tls://127.0.0.1:$1"], "target": ["127.0.0.1:$2"], "tls": { "clientCertificate": "require" }, "maxConnections": $most } } }
EOF
}
junction_link_config() { # LISTEN SERVER
  cat <<EOF
{ $(junction_identity cloud), "links": { "hq": { "dial": ["127.0.0.1:$2"], "peer": "enterprise" } },
  "relays": { "bench": { "listen": ["127.0.0.1:$1"], "target": ["link://hq/bench"], "maxConnections": $most } } }
EOF
}
junction_link_client() { junction_run "junction-link-$1" < <(junction_link_config "$1" "$2"); }
junction_link_server() {
  junction_run "junction-link-$1" <<EOF
{ $(junction_identity enterprise), "linkListen": ["127.0.0.1:$1"],
  "peers": { "cloud": { "services": ["bench"], "maxStreams": $most } }, "services": { "bench": { "target": ["127.0.0.1:$2"] } } }
EOF
}
junction_socks() { # LISTEN BACKEND
  junction_run "junction-$1" <<EOF
{ "name": "cloud", "relays": { "bench": { "listen": ["socks5://127.0.0.1:$1"], "open": ["127.0.0.1:$2"], "maxConnections": $most } } }
EOF
}
junction_link_socks_client() { # LISTEN SERVER
  junction_run "junction-link-$1" <<EOF
{ $(junction_identity cloud), "links": { "hq": { "dial": ["127.0.0.1:$2"], "peer": "enterprise" } },
  "relays": { "bench": { "listen": ["socks5://127.0.0.1:$1"], "target": ["link://hq/bench"], "maxConnections": $most } } }
EOF
}
junction_link_socks_server() { # LISTEN BACKEND
  junction_run "junction-link-$1" <<EOF
{ $(junction_identity enterprise), "linkListen": ["127.0.0.1:$1"],
  "peers": { "cloud": { "services": ["bench"], "maxStreams": $most } }, "services": { "bench": { "open": ["127.0.0.1:$2"] } } }
EOF
}
junction_version() { "$JUNCTION_BINARY" --version | sed 's/^/junction /'; }
