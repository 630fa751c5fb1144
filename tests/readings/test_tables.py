"""hanpipe.tables: the rows are those of hanpipe.readings, exact, and the schema does not depend on the stream."""

import glob
import io
import json
import os
import subprocess
import sys
import warnings
from decimal import Decimal

import pytest

from conftest import ROOT
from needs import needs

needs("pyarrow")
import pyarrow  # noqa: E402
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

import hanpipe  # noqa: E402
from hanpipe.fake import encoder  # noqa: E402
from hanpipe.readings import rows as batches  # noqa: E402
from hanpipe.readings import schema  # noqa: E402
from hanpipe.readings.columns import by_value, column  # noqa: E402
from hanpipe.readings.holes import Holes  # noqa: E402
from hanpipe.readings.values import Clock, Number, Sized  # noqa: E402
from programs import run  # noqa: E402

ADDRESS = encoder.Address(b"\x41", b"\x08\x83", 0x13, 0x13)
CAPTURES = sorted(glob.glob(f"{ROOT}/../shared/captures/**/*.raw", recursive=True))


def frame(*values):
    """Return a frame of a list: pairs of logical name in hex and typed value."""
    items = [("structure", [("octet-string", bytes.fromhex(name)), value, *rest]) for name, value, *rest in values]
    return b"\x7e" + encoder.hdlc(encoder.notification(1, b"", ("array", items)), ADDRESS) + b"\x7e"


def scaled(raw, scaler, unit, kind="double-long-unsigned"):
    """Return a number as typed value, and its scaler and unit."""
    return (kind, raw), ("structure", [("integer", scaler), ("enum", unit)])


class Pieces(io.BytesIO):
    """A stream that gives so many octets at once: all but the first pieces of a steady line are read in bulk."""

    def __init__(self, octets, size):
        super().__init__(octets)
        self._size = size

    def read1(self, most=-1):
        return self.read(self._size)


def tables(octets, size=65536, **options):
    """Return all rows of octets, which come in pieces of a size, as dicts."""
    return [row for batch in hanpipe.tables(Pieces(octets, size), **options) for row in batch.to_pylist()]


def assert_same(readings, rows):
    """Hold rows to readings: each value is in its column, or else in `other`, and nothing is beside."""
    assert len(rows) == len(readings)
    for reading, row in zip(readings, rows, strict=True):
        other = json.loads(row.pop("other") or "{}", parse_float=Decimal)
        held = {name: value for name, value in row.items() if value is not None}
        if reading.source:
            assert held.pop("source") == reading.source
        if reading.time:
            assert held.pop("time") == reading.time.replace(microsecond=reading.time.microsecond // 1000 * 1000)
        assert {*held, *other} == {*reading}
        assert not {*held} & {*other}
        for name, value in reading.items():
            if name in other:
                assert other[name] == value or json.dumps(other[name], default=str) == json.dumps(value, default=str)
            else:
                assert held[name] == (float(value) if isinstance(value, Decimal) else value)


@pytest.mark.slow
@pytest.mark.parametrize("meter", ["aidon", "kaifa", "kamstrup", "p1-nl"])
@pytest.mark.parametrize("size", [300, 1000, 65536])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_rows_are_those_of_readings(meter, rows, size):
    octets = run("han-fake", "--meter", meter, "--speed", "0", "-n", "60", "--start", "2026-11-22T10:59:00").out
    assert_same(list(hanpipe.readings(io.BytesIO(octets))), tables(octets, size, rows=rows))


def test_rows_of_many_sources_keep_the_order_of_the_lines():
    octets = run("han-fake", "--meters", "5", "--lines", "--speed", "0", "-n", "100", "--meter", "kamstrup").out
    readings = list(hanpipe.readings(io.BytesIO(octets), lines=True))
    assert len({reading.source for reading in readings}) == 5
    assert_same(readings, tables(octets, lines=True, rows=13))


@pytest.mark.slow
@pytest.mark.skipif(not CAPTURES, reason="no ../shared here")
def test_rows_of_real_captures_are_those_of_readings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for capture in CAPTURES:
            with open(capture, "rb") as stream:
                octets = stream.read()
            for size in (200, 65536):
                assert_same(list(hanpipe.readings(io.BytesIO(octets))), tables(octets, size, rows=7))


def test_the_schema_does_not_depend_on_the_stream():
    octets = frame(("0100010700ff", *scaled(826, 0, 27)))
    (batch,) = hanpipe.tables(io.BytesIO(octets))
    assert batch.schema == hanpipe.table_schema()
    assert batch.schema.names[:3] == ["time", "source", "meter_ID"]
    names = ["act_pow_pos", "time", "1-0:99.1.0", "tariff", "act_energy_pos_T7"]
    types = [pyarrow.float64(), pyarrow.timestamp("ms", "UTC"), pyarrow.string(), pyarrow.int64(), pyarrow.float64()]
    (batch,) = hanpipe.tables(io.BytesIO(octets), names=names)
    assert (batch.schema.names, batch.schema.types) == (names, types)
    assert list(hanpipe.tables(io.BytesIO(b""))) == []


def test_a_value_that_no_column_can_hold_is_in_other():
    big = "long64-unsigned"
    octets = frame(
        ("0100010800ff", *scaled(2**63 + 5, -1, 30, big)),
        ("0100010700ff", *scaled(826, -1, 27)),
        ("0100630100ff", ("double-long-unsigned", 7)),
    )
    (row,) = tables(octets)
    assert (row["act_pow_pos"], row["act_energy_pos"]) == (82.6, None)
    assert json.loads(row["other"], parse_float=Decimal) == {
        "act_energy_pos": Decimal("922337203685477581.3"),
        "1-0:99.1.0": 7,
    }
    (row,) = tables(octets, names=["act_energy_pos", "act_pow_pos"])
    assert row == {"act_energy_pos": None, "act_pow_pos": 82.6}


def test_streams_without_a_place_have_times(tmp_path):
    octets = frame(("0100010700ff", *scaled(826, 0, 27))) * 3
    read, write = os.pipe()
    os.write(write, octets)
    os.close(write)
    with open(read, "rb") as stream:
        (batch,) = hanpipe.tables(stream)
    assert batch["time"].null_count == 0
    assert batch.num_rows == 3


def holes(rows):
    made = Holes()
    made.rows.extend(rows)
    return made


RAW = st.lists(st.integers(0, 2**32 - 1) | st.integers(-(2**63), 2**64 - 1), min_size=1, max_size=6)


@given(RAW, st.integers(-30, 20), st.sampled_from([1, 40, 3]), st.sampled_from(["int", "double", "text"]))
def test_columns_in_bulk_are_those_made_value_by_value(raw, scaler, factor, kind):
    number = Number(0, scaler, factor)
    limited = Sized(Number(0, scaler), Number(0, scaler + 1), (0, 1), 1000)
    rows = [(value, value // 2) for value in raw]
    for source in (number, limited):
        arrow = schema.TYPES[kind]
        made, lost = column(source, kind, holes(rows), arrow)
        expected, expected_lost = by_value(kind, [source.value(row) for row in rows], arrow)
        assert made.equals(expected)
        assert lost == expected_lost


CLOCKS = st.tuples(
    st.sampled_from([0x07EA0B16, 0x07EA0230, 0xFFFF0000]),
    st.sampled_from([0x070A0F04, 0x010A0F04, 0x07193B00]),
    st.sampled_from([0xFF800000, 0x00FFC400, 0x007FFF00]),
)


@given(st.lists(CLOCKS, min_size=1, max_size=5))
def test_clocks_in_bulk_are_those_made_value_by_value(rows):
    clock, arrow = Clock(0, 12), schema.TYPES["text"]
    made, lost = column(clock, "text", holes(rows), arrow)
    assert made.equals(by_value("text", [clock.value(row) for row in rows], arrow)[0])
    assert lost == {}


def test_messages_of_ever_new_shapes_wait_by_their_names():
    octets = b"".join(frame(("0100010700ff", *scaled(826, 0, 27)), *nulls(count)) for count in range(100))
    waiting = batches.Rows()
    waiting.add(hanpipe.readings(io.BytesIO(octets)))
    assert (len(waiting), len(waiting._groups)) == (100, batches._MANY + 1)
    assert waiting.batch({"act_pow_pos": "double"})["act_pow_pos"].to_pylist() == [826.0] * 100
    assert len(waiting) == 0


def nulls(count):
    return [("0100630100ff", ("null-data", None))] * count


@pytest.mark.slow
def test_the_library_loads_pyarrow_for_tables_alone():
    code = (
        "import io, sys, hanpipe; list(hanpipe.readings(io.BytesIO(b''))); assert 'pyarrow' not in sys.modules;"
        "list(hanpipe.tables(io.BytesIO(b''))); assert 'pyarrow' in sys.modules"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([f"{ROOT}/lib", *sys.path])}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 0
