#!/bin/sh
# Write every golden file anew from `captures`. Then review the changes: git diff tests/golden
set -eu
unset HANPIPE_KEY_FILE CREDENTIALS_DIRECTORY
cd "$(dirname "$0")"
PATH=$PWD/../../bin:$PATH
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
echo '* 000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f' > "$work/keys"
chmod 600 "$work/keys"

grep -v '^#' captures | while read -r name options; do
    # shellcheck disable=SC2086  # the options are words
    han-fake --seed 5 --speed 0 --key-file "$work/keys" $options > "$name.raw"
    han-frame -q "$name.raw" > "$work/records"
    han-decode -q "$work/records" > "$name.jsonl" || [ $? -eq 5 ]            # 5: refused for want of a key
    han-fields -q "$name.jsonl" > "$name.readings.jsonl" || [ $? -eq 1 ]     # 1: so there is nothing to read
done

# The page of han-report, without its style sheet.
python3 ../report/houses.py | han-report --zone Europe/Oslo --rule no | sed -z 's/<style>.*<\/style>//' > ../report/house.html

# The example that the package carries, for `make run`: 100 s of a house, over the full hour.
han-fake --seed 5 --speed 0 -n 40 > ../../lib/hanpipe/fake/house.raw
