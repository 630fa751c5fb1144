#!/bin/sh
# Count the good frames and the faults of a poor line, by kind.
PATH=$(dirname "$0")/../bin:$PATH
han-fake --seed 5 --speed 0 -n 500 --fault drop:0.1%,flip:0.1%,cut:1% | han-frame | han-decode |
    sed -n 's/.*"fault":"\([^"]*\)".*/\1/p; t; s/.*"apdu":.*/good/p' | sort | uniq -c | sort -rn
