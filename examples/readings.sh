#!/bin/sh
# What a meter says, as name = value: 20 lists of the fake one, a hundred times as fast as in the hall.
PATH=$(dirname "$0")/../bin:$PATH
han-fake --meter kaifa --speed 100 -n 20 | han-frame | han-decode | han-fields --text
