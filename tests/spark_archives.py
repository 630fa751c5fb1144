"""examples/spark_archives.py on ten archives: its rows are those of the plain pipe, line for line. Run by `make spark`.

It is not part of `make test`, because Java and Spark take most of a minute to start.
"""

import importlib.util
import json
import os
import sys
from decimal import Decimal

import pytest

from conftest import ROOT
from needs import needs
from programs import environment, run, shell

needs("java", "pyspark", "pandas", "pyarrow")
from pyarrow import parquet  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

METERS = ("aidon", "kaifa", "kamstrup", "kamstrup-1p", "p1-nl")
LISTS = 2000


def example():
    spec = importlib.util.spec_from_file_location("spark_archives", f"{ROOT}/examples/spark_archives.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Return a folder of ten archives; one begins and ends within a frame."""
    folder = tmp_path_factory.mktemp("archives")
    for number in range(10):
        meter = METERS[number % len(METERS)]
        octets = run("han-fake", "--meter", meter, "--seed", str(number), "--speed", "0", "-n", str(LISTS)).out
        (folder / f"{meter} {number}.raw").write_bytes(octets[20:-20] if number == 3 else octets)
    return folder


@pytest.fixture(scope="module")
def spark():
    """Return the only session; its partitions are smaller than all archives together."""
    os.environ.update(environment({"PYTHONPATH": f"{ROOT}/lib", "PYSPARK_PYTHON": sys.executable}))
    settings = {"spark.ui.enabled": "false", "spark.sql.files.maxPartitionBytes": "500000"}
    session = SparkSession.builder.master("local[*]").config(map=settings).getOrCreate()
    yield session
    session.stop()


def rows(folder):
    """Return the rows of each archive, in order: the values in columns, and those in `other`, as texts."""
    found = {}
    for file in sorted(folder.glob("*.parquet")):
        for row in parquet.ParquetFile(file).read().to_pylist():
            other = json.loads(row.pop("other") or "{}", parse_float=str, parse_int=str)
            held = {name: value for name, value in row.items() if value is not None and name != "source"}
            found.setdefault(row["source"], []).append((held, other))
    return found


def plain(archive, names):
    """Return the lines of the plain pipe, as rows() does."""
    done = shell(f"han-frame '{archive}' | han-decode | han-fields")
    assert done.status == 0
    lines = [json.loads(line, parse_float=Decimal) for line in done.out.splitlines()]
    return [
        (
            {
                name: float(value) if isinstance(value, Decimal) else value
                for name, value in line.items()
                if name in names
            },
            {name: str(value) for name, value in line.items() if name not in names},
        )
        for line in lines
    ]


WAYS = {
    "files": lambda example, archives, rows: example.write(archives, rows, pipe=False),
    "library": lambda example, archives, rows: example.by_library(archives).write.parquet(rows),
    "programs": lambda example, archives, rows: example.write(archives, rows, pipe=True),
}


@pytest.mark.parametrize("way", WAYS)
def test_rows_are_those_of_the_plain_pipe(way, archives, spark, tmp_path):
    module = example()
    WAYS[way](module, module.octets_in(spark, str(archives)), str(tmp_path / "rows"))
    found, names = rows(tmp_path / "rows"), set(module.schema().names)
    assert len(list((tmp_path / "rows").glob("*.parquet"))) > 1
    assert len(found) == 10
    for archive in archives.iterdir():
        expected = plain(archive, names)
        assert len(expected) >= LISTS - 2
        assert any(other for _, other in expected) or not archive.name.startswith("p1")
        assert found[archive.name.replace(" ", "%20")] == expected
