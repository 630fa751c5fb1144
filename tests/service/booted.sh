#!/usr/bin/env bash
# The package in a booted container: clean Debian, the .deb, the service started for real. Prints the log of the run;
# 0 if all of it held.
#
#   tests/service/booted.sh hanpipe_VERSION_all.deb [BASE]
#
# BASE: a tree made before by debootstrap --variant=minbase --include=systemd-sysv,dbus,udev,python3; else one is made.
# Wants root, debootstrap and systemd-nspawn; leaves nothing behind.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
deb=$(realpath "$1")
base=${2:-}
work=$(mktemp -d /tmp/hanpipe-booted.XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
tree=$work/tree

if [ -n "$base" ]; then
  cp -a "$base" "$tree"
else
  debootstrap --variant=minbase --include=systemd-sysv,dbus,udev,python3 bookworm "$tree" > "$work/debootstrap.log" ||
    { tail -n 20 "$work/debootstrap.log"; exit 1; }
fi
cp "$deb" "$tree/root/hanpipe.deb"
chroot "$tree" sh -c 'apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq procps /root/hanpipe.deb' \
  > "$work/apt.log" 2>&1 || { tail -n 20 "$work/apt.log"; exit 1; }

install -m 755 "$here/in_container.sh" "$tree/root/in_container.sh"
cat > "$tree/etc/systemd/system/check.service" <<'UNIT'
[Service]
Type=oneshot
TimeoutStartSec=300
ExecStart=/bin/sh -c '/root/in_container.sh > /root/log 2>&1 && touch /root/held; systemctl poweroff --no-block'
UNIT
ln -s ../check.service "$tree/etc/systemd/system/multi-user.target.wants/check.service"
timeout 420 systemd-nspawn --quiet --keep-unit --register=no --link-journal=no -b -D "$tree" \
  < /dev/null > "$work/boot.log" 2>&1 || tail -n 20 "$work/boot.log"

cat "$tree/root/log"
test -e "$tree/root/held"
