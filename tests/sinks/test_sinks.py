"""Sinks in a row: each passes on what it has dealt with, and a slow or dead one stalls nobody for long."""

import json
import os
import subprocess
import sys
import time

import pytest

from broker import Listener, Mosquitto, free_port, needed
from conftest import ROOT
from domoticz_server import KWH, DomoticzServer
from programs import PATIENCE

START = 1_795_342_500
BIN = f"{ROOT}/bin"


def readings(count):
    """Lines of han-fields, ten seconds from each other; the first has the registers."""
    result = [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + 10 * number)) for number in range(count)]
    lines = [{"time": f"{at}.000Z", "meter_ID": "7359990000000001", "act_pow_pos": 1000} for at in result]
    lines[0]["act_energy_pos"] = 5000
    return [json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines]


def row(*sinks):
    """Start programs, each reading what the one before it writes."""
    started, source = [], subprocess.PIPE
    for name, *arguments in sinks:
        command = [sys.executable, f"{BIN}/{name}", *map(str, arguments)]
        started.append(subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE))
        if started[1:]:
            source.close()
        source = started[-1].stdout
    return started


@pytest.mark.slow
def test_every_sink_in_a_row_gets_every_line(tmp_path):
    needed()
    lines = readings(60)
    textfile = tmp_path / "han.prom"
    with Mosquitto(tmp_path) as broker, DomoticzServer({1: KWH}) as domoticz, Listener(broker, "hanpipe/#") as listener:
        sinks = row(
            ["han-domoticz", "--url", domoticz.url, "--power", 1, "--pass"],
            ["han-mqtt", "--port", broker.port, "--client-id", "row", "--json", "--pass"],
            ["han-spool", "--pass", tmp_path / "spool", "--", f"{BIN}/han-prom", "--textfile", textfile, "--pass"],
            ["han-csv", "--fields", "act_pow_pos"],
        )
        sinks[0].stdin.write(b"".join(lines))
        sinks[0].stdin.close()
        rows = sinks[-1].stdout.read()
        assert [sink.wait(PATIENCE) for sink in sinks] == [0, 0, 0, 0]
        heard = listener.until("hanpipe/row/status", "offline")
    assert rows == b"act_pow_pos\n" + b"1000\n" * 60
    assert [payload.encode() + b"\n" for topic, payload, _ in heard if topic.endswith("/reading")] == lines
    assert len(domoticz.posts) == 10
    assert 'han_readings_total{meter_id="7359990000000001"} 60' in textfile.read_text()


@pytest.mark.slow
def test_a_dead_peer_stalls_nobody(tmp_path):
    """A day's readings are taken at once without a Domoticz; the spool has them all."""
    lines, url = readings(8640), f"http://127.0.0.1:{free_port()}"
    (spool,) = row(
        ["han-spool", "--drain", 0, tmp_path, "--", f"{BIN}/han-domoticz", "--url", url, "--power", 1, "--pass"]
    )
    spool.stdin.write(b"".join(lines))
    spool.stdin.close()
    assert spool.wait(PATIENCE) == 4
    names = sorted(name for name in os.listdir(tmp_path) if name.endswith(".jsonl"))
    assert b"".join((tmp_path / name).read_bytes() for name in names) == b"".join(lines)
