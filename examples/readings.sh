#!/bin/sh
# Print 20 lists of a simulated meter as name = value, a hundred times as fast as a real meter sends them.
PATH=$(dirname "$0")/../bin:$PATH
han-fake --meter kaifa --speed 100 -n 20 | han-frame | han-decode | han-fields --text
