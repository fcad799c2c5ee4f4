# ssh -L (and -D) through a private sshd with throwaway keys. One TCP connection for all that passes; aes128-gcm, its fastest cipher here.

ssh_needs() { need ssh openssh-client; need /usr/sbin/sshd openssh-server; }

ssh_keys() {
  [ -e "$work/ssh-host" ] && return
  ssh-keygen -q -t ed25519 -N '' -f "$work/ssh-host"
  ssh-keygen -q -t ed25519 -N '' -f "$work/ssh-user"
  cp "$work/ssh-user.pub" "$work/ssh-authorized"
}

ssh_client() { # LISTEN SERVER BACKEND
  ssh_keys
  printf '[127.0.0.1]:%s %s\n' "$2" "$(cat "$work/ssh-host.pub")" > "$work/ssh-known-$1"
  start "ssh-$1" ssh -F none -N -p "$2" -i "$work/ssh-user" -L "127.0.0.1:$1:127.0.0.1:$3" \
    -o IdentitiesOnly=yes -o UserKnownHostsFile="$work/ssh-known-$1" -o StrictHostKeyChecking=yes -o BatchMode=yes \
    -o ExitOnForwardFailure=yes -o Ciphers=aes128-gcm@openssh.com "$(id -un)@127.0.0.1"
}
ssh_server() { # LISTEN
  ssh_keys
  cat > "$work/sshd-$1.conf" <<EOF
ListenAddress 127.0.0.1:$1
HostKey $work/ssh-host
AuthorizedKeysFile $work/ssh-authorized
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
AllowTcpForwarding yes
LogLevel ERROR
EOF
  start "sshd-$1" /usr/sbin/sshd -D -e -f "$work/sshd-$1.conf"
}
ssh_socks_server() { ssh_server "$1"; }
ssh_socks_client() { # LISTEN SERVER
  ssh_keys
  printf '[127.0.0.1]:%s %s\n' "$2" "$(cat "$work/ssh-host.pub")" > "$work/ssh-known-$1"
  start "ssh-$1" ssh -F none -N -p "$2" -i "$work/ssh-user" -D "127.0.0.1:$1" \
    -o IdentitiesOnly=yes -o UserKnownHostsFile="$work/ssh-known-$1" -o StrictHostKeyChecking=yes -o BatchMode=yes \
    -o ExitOnForwardFailure=yes -o Ciphers=aes128-gcm@openssh.com "$(id -un)@127.0.0.1"
}
ssh_version() { ssh -V 2>&1 | sed 's/[ ,].*//'; }
