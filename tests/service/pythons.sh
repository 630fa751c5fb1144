#!/usr/bin/env bash
# The tests on each of Python 3.11 to 3.14 that Debian has: in minimal trees of Debian 12, 13 and the next one. Prints a
# line for each version; 0 if the tests passed on all that could be had.
#
#   tests/service/pythons.sh [SUITE...]      default: bookworm trixie forky
#
# The trees stay in build/trees. Needs root and debootstrap.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
checkout=$(cd "$here/../.." && pwd)
. "$here/debian_tree.sh"

status=0
tested=
[ $# -gt 0 ] || set -- bookworm trixie forky
for suite; do
  tree=$checkout/build/trees/$suite
  make_tree "$suite" "$tree" python3,python3-venv,make,git
  in_tree "$tree" root "apt-get update -qq -o Acquire::Check-Valid-Until=false" > /dev/null # a mirror may lag
  for minor in 11 12 13 14; do
    python=python3.$minor
    case " $tested " in *" $python "*) continue ;; esac
    in_tree "$tree" root "apt-get install -qq -y --no-install-recommends $python-venv" > "$tree.log" 2>&1 || continue
    tested="$tested $python"
    clone_into "$tree" user
    if in_tree "$tree" user "cd hanpipe; make test test-slow PYTHON=$python" > "$tree.log" 2>&1 < /dev/null; then
      echo "$python, of Debian $suite: $(grep passed "$tree.log" | paste -sd ";")"
    else
      tail -n 40 "$tree.log"
      echo "$python, of Debian $suite: FAILED; all of it: $tree.log"
      status=1
    fi
  done
done
for minor in 11 12 13 14; do
  case " $tested " in *" python3.$minor "*) ;; *) echo "python3.$minor: not tested, no suite has it" ;; esac
done
exit $status
