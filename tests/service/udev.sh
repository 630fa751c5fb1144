#!/usr/bin/env bash
# Print what udev knows of a plugged-in FTDI adapter under the rules on stdin: tests/service/udev.sh < RULES
#
# umockdev simulates the adapter. udevadm test of systemd 252 makes real links, so /dev, /run and /etc/udev are temporary
# ones in a mount namespace that ends with this script. Status 77: this user may make no mount namespace.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${HANPIPE_INSIDE:-}" ]; then
  unshare -rm true 2> /dev/null || exit 77
  HANPIPE_INSIDE=1 exec unshare -rm "$0"
fi
rules=$(cat)
mount -t tmpfs tmpfs /run || exit 77
mount -t tmpfs tmpfs /etc/udev
mkdir -p /run/dev /run/udev/rules.d /run/udev/data
mount --rbind /dev /run/dev
mount -t tmpfs tmpfs /dev
mkdir /dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts /dev/pts
ln -s pts/ptmx /dev/ptmx
for node in null zero random urandom; do touch "/dev/$node" && mount --bind "/run/dev/$node" "/dev/$node"; done
ln -s /proc/self/fd /dev/fd
printf '%s\n' "$rules" > /run/udev/rules.d/61-hanpipe.rules
umockdev-run -d "$here/adapter.umockdev" -- \
  udevadm test --action=add /sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/ttyUSB0/tty/ttyUSB0 2>&1
