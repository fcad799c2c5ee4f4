#!/usr/bin/env bash
# Two root file systems in the place of the public images that docker/Dockerfile begins with, for machines that cannot pull those:
#
#   DIR/sdk       Debian's minimal system, unpacked and not configured; .NET's SDK of this machine is to be mounted into it
#   DIR/runtime   what .NET's runtime needs and nothing else, as in the "chiseled" images: no shell, no package manager
#
#   bash tests/container-base.sh DIR
set -euo pipefail
into=$1
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
libraries=(libc6 libgcc-s1 libstdc++6 libssl3 zlib1g)

# Only the first stage: to configure a system takes longer than all the rest.
bash "$(dirname "$0")/debian-base.sh" "$into/sdk" --foreign --include="$(IFS=, && echo "${libraries[*]}")"

unpack() {   # PACKAGE DIRECTORY: its files, below /usr where the directory has links to there
  dpkg-deb --fsys-tarfile "$into/sdk/var/cache/apt/archives/$1"_*.deb | tar -x --keep-directory-symlink -C "$2"
}

mkdir -p "$into/runtime"/{etc/ssl/certs,tmp,usr/{bin,lib,lib64,share/dotnet}}
for directory in bin lib lib64; do ln -s "usr/$directory" "$into/runtime/$directory"; done
for package in "${libraries[@]}"; do
  unpack "$package" "$into/sdk"
  unpack "$package" "$into/runtime"
done
rm -rf "$into"/runtime/usr/{bin,sbin,share/doc,share/lintian} "$into"/sdk/{debootstrap,var/cache/apt/archives/*,usr/share/{doc,man,locale}}
mkdir -p "$into/runtime/usr/bin" "$into/sdk/etc/ssl/certs"
for system in sdk runtime; do
  cp -L /etc/ssl/certs/ca-certificates.crt "$into/$system/etc/ssl/certs/"
  ln -s /usr/share/dotnet/dotnet "$into/$system/usr/bin/dotnet"
  echo "hosts: files dns" >"$into/$system/etc/nsswitch.conf"
done
echo "root:x:0:0:root:/root:/bin/sh" >"$into/sdk/etc/passwd"
cp -a "$dotnet/dotnet" "$dotnet/host" "$dotnet/shared" "$into/runtime/usr/share/dotnet/"
chmod 1777 "$into/runtime/tmp"
