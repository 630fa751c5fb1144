# Sourced: minimal Debian trees to try things in. They need root and debootstrap.
#
#   make_tree SUITE TREE PACKAGE,...   debootstrap --variant=minbase with these packages, unless TREE is there already
#   clone_into TREE USER               make ~USER/hanpipe in TREE a fresh clone of $checkout
#   in_tree TREE USER COMMAND          run a line of sh as USER in TREE, with its own processes and mounts
#
# PyPI and the Debian archive are reached from TREE as from this machine: its hosts, certificates and PIP_CERT.

make_tree() {
  local suite=$1 tree=$2 packages=$3 script=/usr/share/debootstrap/scripts/$1
  [ ! -e "$tree/made" ] || return 0
  [ -e "$script" ] || script=${script%/*}/sid # for a suite that is younger than this debootstrap
  mkdir -p "$tree"
  debootstrap --variant=minbase --include="$packages" "$suite" "$tree" http://deb.debian.org/debian "$script" \
    > "$tree.log" 2>&1 || { tail -n 20 "$tree.log"; return 1; }
  cp /etc/hosts "$tree/etc/hosts"
  mkdir -p "$tree/etc/ssl/certs"
  cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
  chroot "$tree" useradd --create-home --shell /bin/bash user
  touch "$tree/made"
}

clone_into() {
  local tree=$1 user=$2
  rm -rf "$tree/clone"
  git clone -q "$checkout" "$tree/clone"
  chroot "$tree" chown -R "$user:" /clone
  in_tree "$tree" "$user" "rm -rf hanpipe; cp -a /clone hanpipe"
  rm -rf "$tree/clone"
}

in_tree() {
  unshare --mount --pid --fork --kill-child --propagation private sh -ec '
    mount -t proc proc "$0/proc"
    mount --rbind /dev "$0/dev"
    home=$(chroot "$0" sh -c "eval echo ~$1")
    exec chroot --userspec="$1" "$0" \
      env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$home" ${PIP_CERT:+PIP_CERT="$PIP_CERT"} sh -ec "cd; $2"
  ' "$@"
}
