"""han-parquet: what it writes is read back by pyarrow as it was."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from conftest import ROOT
from needs import needs
from programs import PATIENCE, unread

needs("pyarrow")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from pyarrow import parquet  # noqa: E402

from hanpipe.sinks.readings_in import ReadingReader  # noqa: E402
from hanpipe.sinks.tables import parquet as sink  # noqa: E402  only where pyarrow is

PROGRAM = [sys.executable, f"{ROOT}/bin/han-parquet"]
LIST_1 = b'{"time":"2026-11-22T10:15:04.123Z","act_pow_pos":826}\n'
LIST_2 = b'{"time":"2026-11-22T10:15:06.123Z","meter_ID":"0735","date_time":"2026-11-22T11:15:06","volt_L1":236}\n'
LIST_3 = b'{"act_pow_pos":840.5,"act_energy_pos":9007199254740992}\n'


def run(lines, *arguments):
    """Run han-parquet over pipes."""
    return subprocess.run([*PROGRAM, *arguments], input=lines, capture_output=True, timeout=PATIENCE)


NAMES = st.sampled_from(["time", "meter_ID", "act_pow_pos", "volt_L1", "1-0:99.1.0"])
TIMES = st.integers(0, 4 * 10**12).map(
    lambda ms: datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
)
NUMBERS = st.integers(-(2**70), 2**70) | st.integers(-99999, 99999).map(lambda raw: raw / 10)
VALUES = NUMBERS | TIMES | st.text()
READINGS = st.lists(st.dictionaries(NAMES, VALUES, max_size=5), min_size=1, max_size=8)


def same(value, back):
    """Tell whether what came back is the value, or the value's text."""
    if isinstance(back, datetime):
        return back == datetime.fromisoformat(value)
    return back == value or (isinstance(back, str) and back == json.dumps(value))


@given(READINGS)
def test_what_is_written_is_read_back(tmp_path_factory, readings):
    lines = ReadingReader().feed(b"".join(json.dumps(reading).encode() + b"\n" for reading in readings))
    types = sink.Types()
    types.add(lines)
    file = tmp_path_factory.getbasetemp() / "back.parquet"
    writer = sink.Writer(str(file), types.columns())
    writer.add(lines)
    writer.close()
    back = parquet.read_table(file)
    assert set(back.column_names) == {name for reading in readings for name in reading}
    for reading, row in zip(readings, back.to_pylist() or [{}] * len(readings), strict=True):
        assert {name for name, value in row.items() if value is not None} == set(reading)
        assert all(same(value, row[name]) for name, value in reading.items())


@pytest.mark.slow
@pytest.mark.parametrize("piped", [False, True])
def test_columns_are_typed_by_all_that_is_in_the_input(tmp_path, piped):
    file, source = tmp_path / "a.parquet", tmp_path / "readings"
    source.write_bytes(LIST_1 * 2000 + LIST_2 + LIST_3)
    done = run(source.read_bytes(), file) if piped else run(None, file, source)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    back = parquet.read_table(file)
    assert [(field.name, str(field.type)) for field in back.schema] == [
        ("time", "timestamp[ms, tz=UTC]"),
        ("meter_ID", "string"),
        ("date_time", "string"),
        ("act_pow_pos", "double"),
        ("volt_L1", "double"),
        ("act_energy_pos", "int64"),
    ]
    last = back.to_pylist()[-2:]
    assert last[0]["time"] == datetime(2026, 11, 22, 10, 15, 6, 123000, tzinfo=UTC)
    assert (last[0]["meter_ID"], last[0]["act_pow_pos"], last[1]["time"]) == ("0735", None, None)
    assert last[1]["act_energy_pos"] == 9007199254740992
    assert sorted(os.listdir(tmp_path)) == ["a.parquet", "readings"]


@pytest.mark.slow
def test_times_and_truths_of_periods_and_peaks_are_typed(tmp_path):
    hour = b'{"time":"2026-11-22T11:00:00+01:00","begin":"2026-11-22T10:00:00+01:00","end":"2026-11-22T11:00:00+01:00",'
    run(
        hour + b'"known":1,"gas_volume_delta":2,"act_energy_pos_delta":5,"estimated":false}\n'
        + hour + b'"rule":"no","peak_1_begin":"2026-11-22T10:00:00+01:00","above_limit":true}\n',
        tmp_path / "periods.parquet",
    )  # fmt: skip
    schema = parquet.read_schema(tmp_path / "periods.parquet")
    types = {field.name: str(field.type) for field in schema}
    moment = "timestamp[ms, tz=UTC]"
    assert types == {
        "time": moment, "begin": moment, "end": moment, "known": "double", "gas_volume_delta": "double",
        "act_energy_pos_delta": "int64", "estimated": "bool", "rule": "string", "peak_1_begin": moment,
        "above_limit": "bool",
    }  # fmt: skip
    assert parquet.read_table(tmp_path / "periods.parquet")["estimated"].to_pylist() == [False, None]


def test_row_groups_are_bounded_and_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(sink, "ROWS", 100)
    lines = ReadingReader().feed(b"".join(b'{"act_pow_pos":%d}\n' % number for number in range(250)))
    types = sink.Types()
    types.add(lines)
    writer = sink.Writer(str(tmp_path / "a"), types.columns())
    writer.add(lines)
    writer.close()
    back = parquet.ParquetFile(tmp_path / "a")
    assert [back.metadata.row_group(number).num_rows for number in range(3)] == [100, 100, 50]
    assert back.read()["act_pow_pos"].to_pylist() == list(range(250))


@pytest.mark.slow
def test_a_file_that_is_no_parquet_is_not_overwritten(tmp_path):
    readings, file = tmp_path / "readings", tmp_path / "a.parquet"
    readings.write_bytes(LIST_1)
    done = run(b"", readings)
    assert (done.returncode, readings.read_bytes()) == (2, LIST_1)
    assert run(LIST_1, file).returncode == 0
    assert run(LIST_1 * 2, file).returncode == 0
    assert parquet.read_table(file).num_rows == 2
    assert run(b"no reading\n", file).returncode == 1
    assert parquet.read_table(file).num_rows == 2


@pytest.mark.slow
def test_what_is_no_character_is_a_question_mark(tmp_path):
    assert run(b'{"\\ud800":"a\\udc00","big":1e20}\n', tmp_path / "a").returncode == 0
    assert parquet.read_table(tmp_path / "a").to_pylist() == [{"?": "a?", "big": 1e20}]


@pytest.mark.slow
def test_a_place_where_nothing_can_be_written_is_said(tmp_path):
    readings = tmp_path / "readings"
    readings.write_bytes(LIST_1)
    for done in (
        run(LIST_1, "/no/such/place/a"),
        run(None, "/no/such/place/a", readings),
        run(None, tmp_path, readings),
    ):
        assert done.returncode == 4
        assert done.stderr.startswith(b"han-parquet: /")
    assert os.listdir(tmp_path) == ["readings"]
    assert run(None, tmp_path / "a", "no such input").returncode == 4


@pytest.mark.slow
def test_a_signal_ends_a_stream_and_what_came_is_written(tmp_path):
    file = tmp_path / "a.parquet"
    with subprocess.Popen([*PROGRAM, file, "-", "/dev/null"], stdin=subprocess.PIPE) as process:
        process.stdin.write(LIST_1)
        process.stdin.flush()
        while not os.path.exists(f"/proc/{process.pid}/fd/3") or unread(process.stdin):
            pass
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert parquet.read_table(file).num_rows == 1
