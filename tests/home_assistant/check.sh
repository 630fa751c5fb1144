#!/usr/bin/env bash
# A real Home Assistant on loopback, in a Debian tree of its own: what it makes of han-mqtt and han-p1. 0 if all held.
#
#   tests/home_assistant/check.sh TREE [SUITE HOME-ASSISTANT]
#
# SUITE HOME-ASSISTANT: Debian's, whose Python decides which is the newest that runs there: trixie 2026.2.3, or
# forky 2026.11.0. TREE is made if it is not there: some minutes, 1.5 GB, from Debian and PyPI. Wants root, debootstrap.
set -euo pipefail
checkout=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
tree=$(cd "$1" && pwd)
suite=${2:-trixie}
version=${3:-2026.2.3}

quietly() { # COMMAND...: its words only if it fails
  "$@" > "$tree.log" 2>&1 || { tail -n 20 "$tree.log"; exit 1; }
}
inside() { # COMMAND: run by sh in the tree; what is mounted for it goes with it
  unshare -m --propagation private sh -ec '
    mount -t proc proc "$0/proc"
    mount --rbind /dev "$0/dev"
    mount --bind "$1" "$0/hanpipe"
    exec env -i PATH=/venv/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 \
      PYTHONPATH=/hanpipe/tests \
      DEBIAN_FRONTEND=noninteractive PIP_CERT="$3" SSL_CERT_FILE="$3" chroot "$0" sh -ec "$2"
  ' "$tree" "$checkout" "$1" /etc/ssl/certs/ca-certificates.crt
}

if [ ! -e "$tree/made" ]; then
  echo "making $tree: Debian $suite, Home Assistant $version"
  script=/usr/share/debootstrap/scripts/$suite
  [ -e "$script" ] || script=${script%/*}/sid # of a suite that is younger than this debootstrap
  quietly debootstrap --variant=minbase \
    --include=ca-certificates,g++,gcc,libffi-dev,mosquitto,python3-dev,python3-venv \
    "$suite" "$tree" http://deb.debian.org/debian "$script"
  # The way to PyPI is this machine's.
  cp /etc/hosts "$tree/etc/hosts"
  cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
  mkdir "$tree/hanpipe"
  quietly inside "python3 -m venv /venv
    pip install --quiet --no-cache-dir homeassistant==$version paho-mqtt==2.1.0 websocket-client pytest \
      -r /hanpipe/requirements.txt"
  touch "$tree/made"
fi
inside "exec python3 -u /hanpipe/tests/home_assistant/check.py"
