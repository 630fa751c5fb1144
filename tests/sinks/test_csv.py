"""han-csv: what it writes can be read back, and holds all that the readings do."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import ROOT
from hanpipe.sinks.readings_in import ReadingReader
from hanpipe.sinks.tables.csv import PATIENCE, Held, Rows, no_formula
from hanpipe.sinks.tables.table import Columns, cell
from programs import unread

PROGRAM = [sys.executable, f"{ROOT}/bin/han-csv"]
LIST_1 = b'{"time":"2026-11-22T10:15:04.123Z","act_pow_pos":826}\n'
LIST_2 = b'{"meter_ID":"7359992890123456","act_pow_pos":830,"volt_L1":236.2,"time":"2026-11-22T10:15:06.123Z"}\n'
LIST_3 = b'{"act_pow_pos":840,"act_energy_pos":21123450}\n'


def run(lines, *arguments, **more):
    """Run han-csv over pipes."""
    return subprocess.run([*PROGRAM, *arguments], input=lines, capture_output=True, timeout=120, **more)


def table(octets):
    return list(csv.reader(io.StringIO(octets.decode(), newline="")))


NAMES = st.sampled_from(["time", "meter_ID", "act_pow_pos", "volt_L1", "1-0:99.1.0", "#1", 'a "b", c'])
NUMBERS = st.integers(-(10**18), 10**18) | st.decimals(-1000, 1000, places=3).map(float)
TEXTS = st.text('a,"\r\n ') | st.text()
VALUES = NUMBERS | TEXTS | st.booleans() | st.none() | st.lists(NUMBERS | st.text(), max_size=3)
READINGS = st.lists(st.dictionaries(NAMES, VALUES, max_size=5), min_size=1, max_size=8)


def plain(value):
    """The cell of a value, said another way than the library does. Formulas: test_texts.py."""
    if isinstance(value, str):
        return no_formula(value)
    if value is None:
        return ""
    text = json.dumps(value, separators=(",", ":"))
    return format(Decimal(text), "f") if isinstance(value, float) else text


@given(READINGS)
def test_what_is_written_is_read_back(readings):
    lines = ReadingReader().feed(b"".join(json.dumps(reading).encode() + b"\n" for reading in readings))
    columns, result = Columns(), []
    columns.add_all(lines)
    rows = Rows(columns.names(), result.append)
    header, *cells = table(rows.header() + rows.rows(lines)) if columns.names() else ([], *[[]] * len(readings))
    assert set(header) == {name for reading in readings for name in reading}
    assert [dict(zip(header, row, strict=True)) for row in cells] == [
        dict.fromkeys(header, "") | {name: plain(value) for name, value in reading.items()} for reading in readings
    ]
    assert result == []


@given(st.lists(NUMBERS | st.text() | st.none()) | st.dictionaries(st.text(), NUMBERS))
def test_what_is_no_flat_value_is_exact_json(value):
    assert json.loads(cell(value)) == value


def test_a_regular_file_has_a_column_for_all_that_is_in_it(tmp_path):
    file = tmp_path / "readings"
    file.write_bytes(LIST_1 * 2000 + LIST_2 + LIST_3)
    done = run(None, file)
    header, *rows = table(done.stdout)
    assert header == ["time", "meter_ID", "act_pow_pos", "volt_L1", "act_energy_pos"]
    assert len(rows) == 2002
    assert rows[-1] == ["", "", "840", "", "21123450"]
    with open(file, "rb") as opened:
        opened.seek(len(LIST_1) * 1999)  # as a shell leaves it after a program that has read some of it
        assert table(subprocess.run(PROGRAM, stdin=opened, capture_output=True).stdout) == [header, *rows[-3:]]
    assert done.stderr == b""


def test_a_stream_that_ends_has_them_too_and_files_and_streams_mix(tmp_path):
    (tmp_path / "a").write_bytes(LIST_2)
    assert table(run(LIST_1 + LIST_3).stdout) == [
        ["time", "act_pow_pos", "act_energy_pos"],
        ["2026-11-22T10:15:04.123Z", "826", ""],
        ["", "840", "21123450"],
    ]
    assert len(table(run(LIST_3 + LIST_1, tmp_path / "a", "-").stdout)) == 4


def test_columns_that_are_named_are_the_columns_and_one_that_no_reading_has_is_said_once():
    done = run(LIST_2 * 3 + LIST_3, "--fields", "volt_L1,act_pow_pos,frequency,time,meter_ID")
    assert table(done.stdout)[0] == ["volt_L1", "act_pow_pos", "frequency", "time", "meter_ID"]
    assert table(done.stdout)[1] == ["236.2", "830", "", "2026-11-22T10:15:06.123Z", "7359992890123456"]
    assert done.stderr == b"han-csv: --fields: no reading has frequency\n"
    assert run(LIST_3, "-q", "--fields", "time").stderr == b""


def test_named_columns_are_written_at_once():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*PROGRAM, "--fields", "act_pow_pos"], **pipes) as process:
        assert process.stdout.readline() == b"act_pow_pos\n"
        os.write(process.stdin.fileno(), b'{"act_pow_pos":826}\n')
        assert process.stdout.readline() == b"826\n"


def test_a_signal_ends_a_stream_and_what_was_held_is_written():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(["/bin/sh", "-c", f"exec {sys.executable} {PROGRAM[1]} -v --stats"], **pipes) as process:
        os.write(process.stdin.fileno(), LIST_3)
        while unread(process.stdin) > 0:  # until it has read the line
            pass
        process.send_signal(signal.SIGTERM)
        assert table(process.stdout.read()) == [["act_pow_pos", "act_energy_pos"], ["840", "21123450"]]


def test_a_stream_is_held_for_some_seconds_and_hourly_registers_have_their_columns():
    now = 100.0
    held = Held(lambda: now)
    assert held.seconds() is None
    held.add(ReadingReader().feed(LIST_1))
    now += PATIENCE - 1
    held.add(ReadingReader().feed(LIST_2))
    assert held.seconds() == 1
    now += 2
    assert held.seconds() == 0
    names, lines = held.release(ended=False)
    assert names[:4] == ["time", "meter_ID", "date_time", "act_pow_pos"]
    assert {"volt_L1", "act_energy_pos", "react_energy_neg"} < set(names)
    assert [line.octets for line in lines] == [LIST_1, LIST_2]
    assert held.seconds() is None


def test_the_registers_of_periods_have_columns_though_the_first_period_knows_none():
    hour = b'{"time":"2026-11-22T11:00:00Z","begin":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z",'
    first, second = hour + b'"act_energy_pos_delta":5}\n', hour + b'"act_energy_pos":9,"act_energy_pos_delta":6}\n'
    held = Held()
    held.add(ReadingReader().feed(first))
    names, _ = held.release(ended=False)
    assert names == ["time", "begin", "end", "act_energy_pos_delta", "act_energy_pos"]
    assert run(first + second).stdout.splitlines()[1:] == [
        b"2026-11-22T11:00:00Z,2026-11-22T10:00:00Z,2026-11-22T11:00:00Z,5,",
        b"2026-11-22T11:00:00Z,2026-11-22T10:00:00Z,2026-11-22T11:00:00Z,6,9",
    ]


def test_a_long_stream_is_not_held_in_memory():
    held = Held(lambda: 0.0)
    held.add(ReadingReader().feed(LIST_2 * 45_000))
    assert held.seconds() == 0


@pytest.mark.parametrize("lines", [b"", b"\n", b"no reading\n", b"[1]\n"])
def test_without_a_reading_there_is_no_table(lines):
    done = run(lines)
    assert (done.returncode, done.stdout) == (1, b"")


def test_what_is_no_character_is_a_question_mark():
    assert run(b'{"\\ud800":"a\\udc00"}\n').stdout == b"?\na?\n"


@pytest.mark.parametrize("wrong", ["", ",", "a,a"])
def test_columns_are_names_none_twice(wrong):
    assert run(b"", "--fields", wrong).returncode == 2


@pytest.mark.slow
def test_a_missing_file_and_a_reader_that_leaves():
    assert run(b"", "no such file").returncode == 4
    many = subprocess.run(f"{sys.executable} {PROGRAM[1]} | head -1", shell=True, input=LIST_1 * 50_000, timeout=120,
                          capture_output=True)  # fmt: skip
    assert (many.stdout, many.stderr) == (b"time,act_pow_pos\n", b"")
