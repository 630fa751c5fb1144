"""examples/duckdb: each query is run on an archive of a simulated house, and prints what the file shows.

UPDATE_EXAMPLES=1 writes what they print into the files instead; the diff is reviewed.
"""

import datetime
import glob
import json
import os

import pytest

from conftest import ROOT
from needs import needs
from programs import run
from simulated import readings

needs("pyarrow", "duckdb")
import duckdb  # noqa: E402

QUERIES = sorted(glob.glob(f"{ROOT}/examples/duckdb/*.sql"))
HEAD = "\n-- Of a simulated house with solar panels, 21 to 24 June 2026:\n"
ZONE = datetime.timezone(datetime.timedelta(hours=2))
PLANT = "7359990000000002"
USED = 350  # Wh that the plant gives beside the export in each hour of daylight that the house uses itself


def house():
    """Return the readings of a house's meter, and of one at its solar plant."""
    lines, used = [], 0
    begin = datetime.datetime(2026, 6, 21, tzinfo=ZONE)
    for line in readings(begin, begin + datetime.timedelta(days=4, minutes=1)):
        lines.append(line)
        reading = json.loads(line)
        if "act_energy_neg" in reading:
            hour = datetime.datetime.fromisoformat(reading["time"]).hour
            used += USED if 5 <= hour <= 18 else 0
            register = reading["act_energy_neg"] + used
            lines.append(
                json.dumps({"time": reading["time"], "meter_ID": PLANT, "act_energy_neg": register}).encode() + b"\n"
            )
    return lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with an archive that two runs of han-parquet wrote."""
    path, lines = tmp_path_factory.mktemp("duckdb"), house()
    for part in (lines[: len(lines) // 2], lines[len(lines) // 2 :]):
        assert run("han-parquet", "--partition", str(path / "archive"), given=b"".join(part)).status == 0
    return path


def printed(rows):
    """Write the result of a query as lines of columns."""
    table = [[column[0] for column in rows.description], *([str(value) for value in row] for row in rows.fetchall())]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "".join(
        "-- " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        for row in table
    )


def test_there_are_queries():
    names = [os.path.basename(query) for query in QUERIES]
    assert names == ["hours.sql", "peaks.sql", "self_consumption.sql", "voltage_quality.sql"]


@pytest.mark.slow
@pytest.mark.parametrize("path", QUERIES, ids=os.path.basename)
def test_a_query_prints_what_its_file_shows(path, folder, monkeypatch):
    monkeypatch.chdir(folder)
    with open(path, encoding="utf-8") as file:
        query, _, shown = file.read().partition(HEAD)
    result = printed(duckdb.connect().execute(query))
    if os.environ.get("UPDATE_EXAMPLES"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(query + HEAD + result)
        return
    assert result == shown
