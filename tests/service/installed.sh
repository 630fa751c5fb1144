#!/usr/bin/env bash
# The package in a clean Debian: lintian has nothing to say, and the installed programs print readings. 0 if so.
#
#   tests/service/installed.sh hanpipe_VERSION_all.deb [BASE]      BASE: as of clean_tree.sh
#
# Wants root, debootstrap and lintian; removes all that it made. Takes the 50 s that a meter takes for 20 lists, and more.
set -euo pipefail
. "$(dirname "$0")/clean_tree.sh"

lintian --allow-root --fail-on error,warning "$1"
echo "lintian: clean"
clean_tree "$@"
chroot "$tree" /bin/bash -o pipefail -c 'han-fake -n 20 | han-frame | han-decode | han-fields --text' > "$work/readings"
tail -n 12 "$work/readings"
count=$(grep -c '^act_pow_pos = ' "$work/readings")
echo "installed: readings of $count lists"
test "$count" = 20
chroot "$tree" apt-get purge -y -qq hanpipe > "$work/apt.log" 2>&1
left=$(chroot "$tree" find / -xdev -not -path '/proc/*' -not -path '/root/*' \( -name 'han-*' -o -name '*hanpipe*' \))
echo "purged: ${left:-nothing left}"
test -z "$left"
