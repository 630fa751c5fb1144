#!/bin/sh
# Decipher the messages of a meter. Keep its key in a file that nobody else may read, never on a command line.
PATH=$(dirname "$0")/../bin:$PATH
dir=$(mktemp -d)
trap 'rm -r "$dir"' EXIT
umask 077
echo '* 000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f' > "$dir/keys"
han-fake --meter kamstrup-dk --key-file "$dir/keys" --speed 0 -n 3 |
    han-frame | han-decode --key-file "$dir/keys" | han-fields
