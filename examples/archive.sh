#!/bin/sh
# Keep the octets in dated files while they pass, and read them later: an archive replays like a port.
PATH=$(dirname "$0")/../bin:$PATH
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
han-fake --seed 5 --speed 0 -n 100 | han-log --dir "$dir" | han-frame > "$dir/frames"
ls -l "$dir"
cat "$dir"/*.raw | han-frame | han-decode | han-fields | tail -n 1
