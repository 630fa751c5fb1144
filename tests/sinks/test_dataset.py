"""han-parquet --partition: files by day and meter, of one schema, whole after any kill."""

import contextlib
import json
import os
import random
import subprocess
import sys

import pytest

from conftest import ROOT
from needs import needs

needs("pyarrow")
from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from pyarrow import parquet  # noqa: E402

from hanpipe.sinks.errors import NotWritten  # noqa: E402
from hanpipe.sinks.readings_in import ReadingReader  # noqa: E402
from hanpipe.sinks.tables import dataset as sink  # noqa: E402
from programs import environment, run  # noqa: E402

UNKNOWN = sink.UNKNOWN
# han-parquet with a file every few rows
SMALL = (
    f"import sys; sys.path.insert(0, {ROOT + '/lib'!r}); from hanpipe.sinks.tables import dataset; dataset.MOST = 60;"
    "from hanpipe.programs.parquet import main; sys.exit(main(sys.argv[1:]))"
)


def line(meter="", **values):
    return json.dumps(({"meter_ID": meter} if meter else {}) | values).encode() + b"\n"


def at(day, number=0):
    return f"2026-11-{day:02}T10:{number // 60 % 60:02}:{number % 60:02}.000Z"


def files(folder):
    """Return the paths of all files below a folder."""
    return sorted(os.path.join(path, name) for path, _, names in os.walk(folder) for name in names)


def rows(folder):
    """Return the rows of all whole files, by the folder of each."""
    found = {}
    for file in files(folder):
        if not os.path.basename(file).startswith("."):
            place = os.path.relpath(os.path.dirname(file), folder)
            found.setdefault(place, []).extend(parquet.ParquetFile(file).read().to_pylist())
    return found


@pytest.mark.slow
def test_readings_are_in_the_folder_of_their_day_and_meter(tmp_path):
    octets = (
        line("1", time="2026-11-22T23:59:59.000Z", act_pow_pos=826)
        + line(time="2026-11-23T00:00:09.000Z", act_pow_pos=830)
        + line("a/b", date_time="2026-11-23T08:00:00", act_pow_pos=1)
        + line(source="topic 7", act_pow_pos=5)
        + line("1", begin="2026-11-22T22:00:00Z", end="2026-11-23T01:30:00+01:00", time="2026-11-23T00:00:00Z", known=1)
    )
    done = run("han-parquet", "--partition", str(tmp_path / "a"), given=octets)
    assert (done.status, done.out) == (0, b"")
    places = {place: len(found) for place, found in rows(tmp_path / "a").items()}
    assert places == {
        "day=2026-11-22/meter=1": 2,
        "day=2026-11-23/meter=1": 1,
        "day=2026-11-23/meter=a%2Fb": 1,
        f"day={UNKNOWN}/meter=topic%207": 1,
    }


@pytest.mark.slow
def test_runs_add_to_the_folder(tmp_path):
    for number in range(3):
        assert (
            run("han-parquet", "--partition", str(tmp_path), given=line("1", time=at(22), act_pow_pos=number)).status
            == 0
        )
    assert len(files(tmp_path)) == 3
    (found,) = rows(tmp_path).values()
    assert sorted(row["act_pow_pos"] for row in found) == [0, 1, 2]


def test_a_name_has_one_type_and_the_left_columns_say_when_and_who():
    kinds = sink.columns(
        ["act_pow_pos", "1-0:99.1.0", "meter_ID", "act_energy_pos", "source", "time", "begin", "tariff", "estimated"]
    )
    assert list(kinds.items()) == [
        ("time", "time"), ("source", "text"), ("meter_ID", "text"), ("begin", "time"), ("act_pow_pos", "double"),
        ("act_energy_pos", "double"), ("tariff", "int"), ("estimated", "bool"), ("other", "text"),
    ]  # fmt: skip


NAMES = st.sampled_from(
    ["time", "meter_ID", "act_pow_pos", "act_energy_pos", "tariff", "1-0:99.1.0", "other", "\ud800"]
)
VALUES = st.integers(-(2**70), 2**70) | st.integers(-99999, 99999).map(lambda raw: raw / 10) | st.text() | st.booleans()
READINGS = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=6), min_size=1, max_size=8)


@given(READINGS)
def test_nothing_of_a_reading_is_lost(readings):
    octets = b"".join(json.dumps(reading).encode() + b"\n" for reading in readings)
    waiting = sink.Rows()
    for one in ReadingReader().feed(octets):
        waiting.add_named(one.reading)
    batch = waiting.batch(sink.columns(waiting.names()))
    for reading, row in zip(readings, batch.to_pylist(), strict=True):
        other = json.loads(row.pop("other") or "{}")
        held = {name: value for name, value in row.items() if value is not None}
        assert {*held, *other} == {*reading}
        assert all(reading[name] == value for name, value in other.items())
        for name, value in held.items():
            if name not in ("time", "meter_ID"):
                assert value == reading[name]


def test_the_fullest_day_is_written_when_many_rows_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(sink, "MOST", 10)
    dataset = sink._Dataset(type("Program", (), {"warn": print}), str(tmp_path))
    for number in range(8):
        dataset.take(ReadingReader().feed(line("1", time=at(22, number), act_pow_pos=number)))
    dataset.take(ReadingReader().feed(line("1", time=at(23), act_pow_pos=8) * 2))
    assert {place: len(found) for place, found in rows(tmp_path).items()} == {"day=2026-11-22/meter=1": 8}
    dataset.finish(lambda: False)
    assert sum(map(len, rows(tmp_path).values())) == 10


def test_a_row_waits_at_most_an_hour(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(sink.time, "monotonic", lambda: now[0])
    dataset = sink._Dataset(type("Program", (), {"warn": print}), str(tmp_path))
    assert dataset.seconds() is None
    dataset.take(ReadingReader().feed(line("1", time=at(22))))
    now[0] += sink.PATIENCE - 1
    dataset.turn()
    assert (dataset.seconds(), files(tmp_path)) == (1, [])
    now[0] += 1
    dataset.turn()
    assert (dataset.seconds(), len(files(tmp_path))) == (None, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_a_killed_run_leaves_whole_files(tmp_path, seed):
    chance, sent = random.Random(seed), 0
    for _ in range(2):
        with subprocess.Popen(
            [sys.executable, "-c", SMALL, "--partition", str(tmp_path)], stdin=subprocess.PIPE, env=environment()
        ) as process:
            before = len(files(tmp_path))
            for number in range(chance.randrange(600, 2000)):
                process.stdin.write(line(str(sent % 2), time=at(1 + sent % 2), act_pow_pos=sent))
                sent += 1
                if number == 500:
                    process.stdin.flush()
                    while len(files(tmp_path)) == before:  # until it is at work
                        assert process.poll() is None
            process.kill()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
    found = [int(row["act_pow_pos"]) for place in rows(tmp_path).values() for row in place]
    assert len(found) == len(set(found))
    assert set(found) <= set(range(sent))
    after = run("han-parquet", "--partition", str(tmp_path), given=line("1", time=at(9), act_pow_pos=sent))
    assert (after.status, after.words) == (0, "")
    assert sum(map(len, rows(tmp_path).values())) == len(found) + 1


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert run("han-parquet", "--partition", str(file), given=line("1")).status == 2
    done = run("han-parquet", "--partition", "/proc/no", given=line("1"))
    assert done.status == 4
    assert done.words.startswith("han-parquet: /proc/no: ")
    assert run("han-parquet", "--partition", str(tmp_path / "none"), given=b"").status == 1
    assert os.listdir(tmp_path) == ["file"]


def test_a_disk_that_fails_is_an_error_of_the_sink(tmp_path, monkeypatch):
    def full(descriptor, octets):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hanpipe.unix.state.write_all", full)
    dataset = sink._Dataset(type("Program", (), {"warn": print}), str(tmp_path))
    dataset.take(ReadingReader().feed(line("1", time=at(22))))
    with pytest.raises(NotWritten):
        dataset.finish(lambda: False)
    assert [name for _, _, names in os.walk(tmp_path) for name in names] == []
