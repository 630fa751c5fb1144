#!/bin/sh
# Time and net power only, a line a list: what an awk, a plot or a spreadsheet takes.
PATH=$(dirname "$0")/../bin:$PATH
han-fake --meter kamstrup --seed 5 --speed 0 -n 30 | han-frame | han-decode |
    han-fields --only date_time,act_pow_pos,act_pow_neg |
    sed -n 's/.*"date_time":"\([^"]*\)".*_pos":\([0-9]*\).*_neg":\([0-9]*\).*/\1 \2 \3/p' |
    awk '{ print $1, $2 - $3 }'
