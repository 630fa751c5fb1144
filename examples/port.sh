#!/bin/sh
# Try a port without a meter: han-fake makes one, and han-read opens it like /dev/ttyUSB0.
PATH=$(dirname "$0")/../bin:$PATH
dir=$(mktemp -d)
han-fake --meter kamstrup --speed 50 --pty "$dir/han" &
fake=$!
trap 'kill $fake; wait $fake; rm -r "$dir"' EXIT
while [ ! -e "$dir/han" ]; do sleep 0.1; done
han-read "$dir/han" | han-frame | han-decode | han-fields -n 5
