# stunnel: a TLS pair (it has no plain mode). A thread per connection, as it comes.

stunnel_needs() { need stunnel stunnel4; }

stunnel_run() { # LISTEN TARGET CERTIFICATE; further lines on standard input
  cat > "$work/stunnel-$1.conf" <<EOF
foreground = yes
pid =
syslog = no
debug = err
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[relay]
accept = 127.0.0.1:$1
connect = 127.0.0.1:$2
cert = $work/$3.crt
key = $work/$3.key
CAfile = $work/ca.crt
verifyChain = yes
sslVersionMin = TLSv1.3
ciphersuites = $cipher
libwrap = no
$(cat)
EOF
  start "stunnel-$1" stunnel "$work/stunnel-$1.conf"
}

stunnel_client() {
  stunnel_run "$1" "$2" cloud <<EOF
client = yes
sni = enterprise
checkHost = enterprise
EOF
}
stunnel_server() { stunnel_run "$1" "$2" enterprise < /dev/null; }
stunnel_version() { stunnel -version 2>&1 | sed -n 's/^\(stunnel [0-9.]*\) on .*/\1/p'; }
