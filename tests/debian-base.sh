#!/usr/bin/env bash
# Debian's minimal system of this machine's release, from wherever this machine has its packages.
#
#   bash tests/debian-base.sh DIR [options of debootstrap]
set -euo pipefail
into=$1
shift
. /etc/os-release
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ' || true)
debootstrap --variant=minbase "$@" "$VERSION_CODENAME" "$into" "${mirror:-http://deb.debian.org/debian}" >"$into.log" || { tail -n 5 "$into.log" >&2; exit 1; }
# In a container debootstrap makes /proc a link to /proc.
[ ! -L "$into/proc" ] || { rm "$into/proc"; mkdir "$into/proc"; }
