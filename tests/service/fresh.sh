#!/usr/bin/env bash
# A fresh clone of this checkout on a minimal Debian with nothing but python3, python3-venv, make and git: `make run`, then
# `make test` and `make test-slow` as root; as an ordinary user `make test` first. Prints what was run; 0 if all passed.
#
#   tests/service/fresh.sh [SUITE...]      default: bookworm trixie
#
# The trees stay in build/trees. Needs root and debootstrap.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
. "$here/debian_tree.sh"

in_clone() { # TREE USER COMMAND...: each printed with its last line
  local tree=$1 user=$2 command
  shift 2
  clone_into "$tree" "$user"
  for command in "$@"; do
    in_tree "$tree" "$user" "cd hanpipe; $command" > "$tree.log" 2>&1 < /dev/null ||
      { tail -n 40 "$tree.log"; echo "FAILED: $command, as $user in $tree; all of it: $tree.log"; exit 1; }
    printf '%s, %s: %s: %s\n' "${tree##*/}" "$user" "$command" "$(grep . "$tree.log" | tail -n 1)"
  done
}

[ $# -gt 0 ] || set -- bookworm trixie
for suite; do
  tree=$checkout/build/trees/$suite
  make_tree "$suite" "$tree" python3,python3-venv,make,git
  in_clone "$tree" root 'for program in bin/han-*; do $program --help > /dev/null; $program --version; done' \
    "make run" "make test" "make test-slow"
  in_clone "$tree" user "make test" "make run" "make test-slow"
done
