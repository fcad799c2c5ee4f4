# nginx with its stream module: plain, and a TLS pair. One worker, for the same reason as haproxy's one thread.

nginx_needs() {
  need nginx nginx
  [ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || missing libnginx-mod-stream
}

nginx_run() { # LISTEN TARGET LISTEN-OPTIONS; TLS lines on standard input
  mkdir -p "$work/nginx-$1"
  cat > "$work/nginx-$1/nginx.conf" <<EOF
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
pid $work/nginx-$1/pid;
error_log stderr error;
worker_processes 1;
worker_rlimit_nofile $(ulimit -n);
events { worker_connections $((2 * most)); }
stream {
  server {
    listen 127.0.0.1:$1 backlog=4096 $3;
    proxy_pass 127.0.0.1:$2;
    proxy_buffer_size 64k;
    proxy_half_close on;
    proxy_timeout 1h;
$(cat)
  }
}
EOF
  start "nginx-$1" nginx -p "$work/nginx-$1" -c nginx.conf -e stderr
}

nginx_plain() { nginx_run "$1" "$2" "" < /dev/null; }
nginx_client() {
  nginx_run "$1" "$2" "" <<EOF
    proxy_ssl on;
    proxy_ssl_protocols TLSv1.3;
    proxy_ssl_conf_command Ciphersuites $cipher;
    proxy_ssl_certificate $work/cloud.crt;
    proxy_ssl_certificate_key $work/cloud.key;
    proxy_ssl_trusted_certificate $work/ca.crt;
    proxy_ssl_verify on;
    proxy_ssl_name enterprise;
    proxy_ssl_server_name on;
    proxy_ssl_session_reuse on;
EOF
}
nginx_server() {
  nginx_run "$1" "$2" ssl <<EOF
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites $cipher;
    ssl_certificate $work/enterprise.crt;
    ssl_certificate_key $work/enterprise.key;
    ssl_client_certificate $work/ca.crt;
    ssl_verify_client on;
    ssl_session_cache shared:relay:10m;
    ssl_session_tickets on;
EOF
}
nginx_version() { nginx -v 2>&1 | sed 's/.*nginx\//nginx /'; }
