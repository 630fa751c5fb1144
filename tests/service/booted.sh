#!/usr/bin/env bash
# The package in a booted container: clean Debian, the .deb, the service started for real. Prints the log of the run;
# 0 if all of it held.
#
#   tests/service/booted.sh hanpipe_VERSION_all.deb [BASE]
#
# BASE: as of clean_tree.sh. Wants root, debootstrap and systemd-nspawn; removes all that it made.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/clean_tree.sh"
clean_tree "$@"

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
