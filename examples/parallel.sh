#!/bin/sh
# Read many archives at once, one per processor, and print the last energy registers of each. Needs GNU parallel.
PATH=$(dirname "$0")/../bin:$PATH
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
for meter in kamstrup kamstrup-1p kaifa-se; do
    han-fake --meter $meter --seed 5 --speed 0 -n 400 > "$dir/$meter.raw"
done
parallel --keep-order 'han-frame {} | han-decode | han-fields --only "date_time,*_energy_*" | grep energy | tail -n 1' \
    ::: "$dir"/*.raw
