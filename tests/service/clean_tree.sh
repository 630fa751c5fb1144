# Sourced: makes $tree, a clean Debian 12 with the package and nothing else, in $work, which goes when the script ends.
#
#   clean_tree hanpipe_VERSION_all.deb [BASE]
#
# BASE: a tree made before by debootstrap --variant=minbase --include=systemd-sysv,dbus,udev,python3; else one is made.
# Wants root and debootstrap.
clean_tree() {
  local deb base=${2:-}
  deb=$(realpath "$1")
  work=$(mktemp -d /tmp/hanpipe-tree.XXXXXX)
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
}
