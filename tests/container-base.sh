#!/usr/bin/env bash
# Two root file systems in the place of the public images that docker/Dockerfile begins with, for machines that cannot pull those:
#
#   DIR/sdk       Debian's minimal system; .NET's SDK of this machine is to be mounted into it
#   DIR/runtime   what .NET's runtime needs and nothing else, as in the "chiseled" images: no shell, no package manager
#
#   bash tests/container-base.sh DIR
set -euo pipefail
into=$1
dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
libraries="libc6,libgcc-s1,libstdc++6,libssl3,zlib1g,ca-certificates,tzdata"

# This machine's own Debian, from wherever it has its packages.
. /etc/os-release
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ' || true)
debootstrap --variant=minbase --include="$libraries" "$VERSION_CODENAME" "$into/sdk" "${mirror:-http://deb.debian.org/debian}" >"$into/debootstrap.log" ||
  { tail -n 5 "$into/debootstrap.log" >&2; exit 1; }
rm -rf "$into"/sdk/var/cache/apt/* "$into"/sdk/var/lib/apt/lists/* "$into"/sdk/usr/share/{doc,man,locale,zoneinfo}
ln -s /usr/share/dotnet/dotnet "$into/sdk/usr/bin/dotnet"

# The files of those packages, by the list that dpkg keeps of each; then .NET's runtime, where its own images have it.
mkdir -p "$into/runtime"/{etc,tmp,proc,dev,sys,run,usr/bin,usr/lib,usr/share/dotnet}
for directory in bin lib lib64; do
  [ ! -L "$into/sdk/$directory" ] || cp -a "$into/sdk/$directory" "$into/runtime/$directory"
done
for package in ${libraries//,/ }; do
  chroot "$into/sdk" dpkg -L "$package" | while read -r path; do
    case $path in
      */bin/* | */sbin/* | */doc/* | */zoneinfo/*) continue ;;
      /lib*) path=/usr$path ;;   # a symbolic link there, not a directory
    esac
    if [ -f "$into/sdk$path" ]; then (cd "$into/sdk" && cp -a --parents ".$path" "$into/runtime/"); fi
  done
done
mkdir -p "$into/runtime/etc/ssl/certs"
cp "$into/sdk/etc/ssl/certs/ca-certificates.crt" "$into/runtime/etc/ssl/certs/"
cp -a "$dotnet/dotnet" "$dotnet/host" "$dotnet/shared" "$into/runtime/usr/share/dotnet/"
ln -s /usr/share/dotnet/dotnet "$into/runtime/usr/bin/dotnet"
echo "hosts: files dns" >"$into/runtime/etc/nsswitch.conf"
chmod 1777 "$into/runtime/tmp"
