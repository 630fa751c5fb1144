"""Lines that are readings, and hostile lines that are not."""

import json

import pytest

from hanpipe.sinks.prometheus.metrics import Metrics
from hanpipe.sinks.readings_in import ReadingReader
from hanpipe.sinks.tables.table import cell
from hanpipe.unix.lines import Lines
from programs import shell


def test_a_line_without_an_end_is_cut():
    """This fails when the bound is raised."""
    lines = Lines()
    assert lines.feed(b"x" * 1_000_000) == []
    assert lines.feed(b"x") == [b"x" * 1_000_001]


@pytest.mark.parametrize("text", ["9" * 4299, "-" + "9" * 31, "1e31", "1e-31", "NaN", "Infinity"])
def test_a_number_without_end_is_none(text):
    reader = ReadingReader()
    (line,) = reader.feed(b'{"act_energy_pos":%b}\n' % text.encode())
    assert (line.reading, reader.bad) == (None, 1)


def test_a_register_of_20_digits_is_one():
    (line,) = ReadingReader().feed(b'{"act_energy_pos":18446744073709551615}\n')
    assert line.reading == {"act_energy_pos": 2**64 - 1}
    Metrics(60.0).take(line.reading, "", 0.0)


@pytest.mark.parametrize(("levels", "is_reading"), [(100, True), (900, False), (5000, False)])
def test_what_is_nested_deeper_than_any_list_is_no_reading(levels, is_reading):
    nested = b'{"#1":' + b"[" * levels + b"]" * levels + b"}\n"
    (line,) = ReadingReader().feed(nested)
    assert (line.reading is not None) == is_reading
    if line.reading is not None:
        assert cell(line.reading["#1"]) == "[" * levels + "]" * levels


def test_many_brackets_side_by_side_are_not_deep():
    (line,) = ReadingReader().feed(json.dumps({"#1": [[]] * 500}).encode() + b"\n")
    assert line.reading is not None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"link":"hdlc","source":"0883","body":{"array":[]}}\n', "run han-fields first"),
        (b'{"link":"hdlc","fault":"noise","octets":"00"}\n', "run han-fields first"),
        (b'{"checked":false,"act_pow_pos":1}\n', "han-decode --unchecked"),
        (b"text\n", "is the input from han-fields?"),
    ],
)
def test_a_line_that_is_not_a_reading_is_named(line, why):
    reader = ReadingReader()
    assert [one.reading for one in reader.feed(line)] == [None]
    assert why in reader.skipped()


@pytest.mark.parametrize("sink", ["han-csv", "han-influx", "han-p1", "han-every 1h"])
def test_lines_of_han_decode_are_not_taken_for_readings(sink):
    ran = shell(f"han-fake -n 3 | han-frame | han-decode | {sink}")
    assert (ran.status, ran.out) == (1, b"")
    assert "found lines of han-decode: run han-fields first" in ran.words
