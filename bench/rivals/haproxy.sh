# haproxy: plain (never splicing, and always splicing), and a TLS pair. One thread: a second does not help where relay, client and
# backend share two cores. `option splice-auto` is left out: it costs more than either.

haproxy_needs() { need haproxy haproxy; }
haproxy_splice_needs() { haproxy_needs; }

haproxy_run() { # LISTEN TARGET GLOBAL-LINES DEFAULTS-LINES BIND-OPTIONS SERVER-OPTIONS
  cat > "$work/haproxy-$1.cfg" <<EOF
global
  nbthread 1
  maxconn $most
  $3
defaults
  mode tcp
  maxconn $most
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  $4
listen relay
  bind 127.0.0.1:$1 $5
  server target 127.0.0.1:$2 $6
EOF
  start "haproxy-$1" haproxy -db -f "$work/haproxy-$1.cfg"
}

haproxy_tls="ssl ca-file $work/ca.crt verify required"
haproxy_tls_options="ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-bind-ciphersuites $cipher
  ssl-default-server-options ssl-min-ver TLSv1.3
  ssl-default-server-ciphersuites $cipher"

haproxy_plain() { haproxy_run "$1" "$2" nosplice "" "" ""; }
haproxy_splice_plain() {
  haproxy_run "$1" "$2" "" "option splice-request
  option splice-response" "" ""
}
haproxy_client() { haproxy_run "$1" "$2" "$haproxy_tls_options" "" "" "$haproxy_tls crt $work/cloud.pem sni str(enterprise)"; }
haproxy_server() { haproxy_run "$1" "$2" "$haproxy_tls_options" "" "$haproxy_tls crt $work/enterprise.pem" ""; }
haproxy_version() { haproxy -v | sed -n '1s/HAProxy version \([^ ]*\).*/haproxy \1/p'; }
