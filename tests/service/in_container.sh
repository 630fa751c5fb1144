#!/usr/bin/env bash
# What tests/service/booted.sh runs inside: each line of its log is something that held.
set -euo pipefail

held() { printf '%5d s  %s\n' "$SECONDS" "$*"; }
trap 'echo "FAILED in line $LINENO: $BASH_COMMAND"; systemctl status --no-pager "han*" || true;
      journalctl --no-pager -n 60 -u han -u han@cabin || true' ERR

within() { # SECONDS COMMAND...: it holds by then
  local end=$((SECONDS + $1)); shift
  until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.2; done
}
show() { systemctl show -P "$2" "$1"; }
not() { ! "$@"; } # set -e does not end at a bare !
renewed() { local main; main=$(show "$1" MainPID) && [ "$main" != 0 ] && [ "$main" != "$2" ]; } # UNIT MAINPID
is() { [ "$(show "$1" "$2")" = "$3" ]; }
lines() { if [ -e "$1" ]; then wc -l < "$1"; else echo 0; fi; } # FILE
more_lines() { [ "$(lines "$1")" -gt "$2" ]; } # FILE COUNT
# UNIT PATTERN SECONDS: the journal of the unit says it from now on
says() { grep -q -m 1 -e "$2" < <(timeout "$3" journalctl -q -f -n 0 -o cat -u "$1"); }
port() { # PATH OPTIONS...: a simulated meter on a port that group dialout may read
  local path=$1; shift
  rm -f "$path"
  han-fake --pty "$path" "$@" & meter=$!
  within 20 test -e "$path"
  chgrp dialout "$(readlink "$path")"
  chmod 660 "$(readlink "$path")"
}

readings=$(han-fake -n 20 --speed 0 | han-frame | han-decode | han-fields --text | grep -c ' = ')
test "$readings" -gt 20
held "the installed programs print readings: $readings values"
for program in /usr/bin/han-*; do "$program" --help > /dev/null; done
held "all programs answer: $(cd /usr/bin && echo han-*)"

not systemctl is-enabled -q han
not systemctl is-active -q han
held "the service is neither enabled nor started by the package"

port /dev/HANserial --speed 10
systemctl start han
says han act_pow_pos 60
held "started, as uid $(ps -o user= -p "$(show han MainPID)"), $(journalctl -q -o cat -u han | grep -m 1 'keeping it')"
held "no key or login in /etc/credstore: no hindrance"
journalctl -q -n 4 -o short -u han | sed 's/^/         /'

main=$(show han MainPID)
kill "$meter"; wait "$meter" || true
within 30 sh -c 'journalctl -q -o cat -u han | grep -q "hung up"'
port /dev/HANserial --speed 10
says han act_pow_pos 70
test "$(show han MainPID)" = "$main"
held "port taken away and given back: read again, by the same processes"

systemctl stop han
is han Result success
is han ActiveState inactive
held "stopped: Result=success"

sink=/var/log/hanpipe/readings
printf 'HAN_READ="--baud 2400"\nHAN_LOG="| han-log --dir /var/log/hanpipe --gzip"\nHAN_END="han-fields | tee -a %s | han-csv"\n' \
  $sink > /etc/default/hanpipe
systemctl start han
for victim in han-read han-log han-frame han-decode han-fields han-csv; do
  within 60 pgrep -x $victim > /dev/null
  size=$(lines $sink)
  within 60 more_lines $sink "$size"
  main=$(show han MainPID)
  kill -9 "$(pgrep -x $victim)"
  within 60 renewed han "$main"
  size=$(lines $sink)
  within 60 more_lines $sink "$size"
  held "kill -9 of $victim: the whole pipe is a new one, NRestarts=$(show han NRestarts), readings again"
done
systemctl stop han
python3 -c 'import json, sys; print(sum("act_pow_pos" in json.loads(line) for line in open(sys.argv[1])))' $sink > /root/whole
test "$(cat /root/whole)" -gt 6
held "the sink: $(lines $sink) lines, each of them whole JSON, $(cat /root/whole) with power"
gzip -dc /var/log/hanpipe/*.raw.gz | han-frame --stats 2> /root/stats | han-decode | han-fields > /root/again
test -s /root/again
grep -q '"header": 0, "frame check": 0, "truncated": 0' /root/stats
held "the log: gzip -t holds, $(cat /root/stats)"
printf 'HAN_READ="--auto"\n' > /etc/default/hanpipe

kill "$meter"; wait "$meter" || true
install -d -m 700 /etc/credstore
printf '* 000102030405060708090A0B0C0D0E0F D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF\n' > /etc/credstore/han-keys
chmod 600 /etc/credstore/han-keys
port /dev/HANcabin --meter kaifa-at --key-file /etc/credstore/han-keys --speed 10
printf 'HAN_READ="--baud 2400"\nHAN_END="han-fields --text --only act_pow_pos"\nHAN_LOG="| han-log --dir /var/log/hanpipe-cabin"\n' \
  > /etc/default/hanpipe-cabin
systemctl start han@cabin
says han@cabin act_pow_pos 60
held "han@cabin: a ciphered meter, its key through LoadCredential"
systemctl stop han@cabin
is han@cabin Result success
test -s "$(echo /var/log/hanpipe-cabin/*.raw)"
held "han@cabin: HAN_LOG wrote $(ls -l /var/log/hanpipe-cabin/*.raw | awk '{print $5}') octets"

kill "$meter"; wait "$meter" || true
mkdir -p /run/systemd/system/han.service.d
printf '[Service]\nWatchdogSec=8s\n' > /run/systemd/system/han.service.d/watchdog.conf
systemctl daemon-reload
port /dev/HANserial --speed 10
systemctl start han
says han act_pow_pos 60
main=$(show han MainPID)
sleep 12
test "$(show han MainPID)" = "$main"
held "watchdog of 8 s: fed by readings, the pipe stands after 12 s"
kill -STOP "$meter"
within 60 renewed han "$main"
journalctl -q -o cat -u han | grep -q "Watchdog timeout"
held "the meter falls silent: watchdog, a new pipe, NRestarts=$(show han NRestarts)"
kill -CONT "$meter"
says han act_pow_pos 60
held "the meter speaks again: readings"
systemctl stop han

printf 'HAN_READ="--baud 2400"\nHAN_END="han-fields | han-every 1mo"\n' > /etc/default/hanpipe
months() { journalctl -q -o cat -u han | grep -c '"begin":' || true; }
systemctl start han
main=$(show han MainPID)
sleep 12
test "$(show han MainPID)" = "$main"
test "$(months)" -eq 0
held "readings feed the watchdog also while the last program writes no line"
kill -STOP "$meter"
within 60 renewed han "$main"
test "$(months)" -eq 1
held "the meter falls silent: the watchdog ends the pipe, which first writes the open period"
kill -CONT "$meter"
systemctl stop han
kill "$meter"

printf 'HAN_READ="--bad-option"\n' > /etc/default/hanpipe
systemctl start --no-block han
within 40 sh -c '[ "$(systemctl show -P NRestarts han)" -ge 1 ]'
printf 'HAN_READ="--auto"\n' > /etc/default/hanpipe
port /dev/HANserial --speed 10
says han act_pow_pos 60
held "a wrong option, then put right: heals by itself at the next start"
systemctl stop han
kill "$meter"
apt-get purge -y -qq hanpipe > /dev/null 2>&1
not test -e /etc/default/hanpipe
not test -e /lib/systemd/system/han.service
held "purged: nothing left"
