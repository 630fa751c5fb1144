#!/bin/sh
# Print one line per list with its time and net power, for awk, a plot or a spreadsheet.
PATH=$(dirname "$0")/../bin:$PATH
han-fake --meter kamstrup --seed 5 --speed 0 -n 30 | han-frame | han-decode |
    han-fields --only date_time,act_pow_pos,act_pow_neg |
    sed -n 's/.*"date_time":"\([^"]*\)".*_pos":\([0-9]*\).*_neg":\([0-9]*\).*/\1 \2 \3/p' |
    awk '{ print $1, $2 - $3 }'
