#!/bin/sh
# Read the lists of 100 meters through Kafka's protocol, and compare the rows with those of the plain pipe.
# Needs kcat, and the Python package confluent-kafka.
here=$(dirname "$0")
PATH=$here/../../bin:$here/../../.venv/bin:$PATH
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
rows() { han-frame --lines --no-time | han-decode | han-fields | LC_ALL=C sort; }

han-fake --meter kamstrup --meters 100 --seed 5 --speed 0 -n "${1:-2000}" --lines > "$dir/lines"
python3 "$here/mock_kafka.py" sh -c 'kcat -C -q -b "$BROKERS" -t meters -e -f "%k %s\n"' < "$dir/lines" |
    rows > "$dir/kafka"
rows < "$dir/lines" > "$dir/plain"
wc -l < "$dir/plain"
cmp "$dir/plain" "$dir/kafka" && echo the rows are equal
