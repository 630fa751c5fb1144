"""Read a folder of archives into Parquet with Spark: with the library, or with the programs. All give the same rows.

    pip install 'pyspark[sql]' '.[parquet]'   # in the checkout; and a Java: apt install default-jre-headless
    python3 spark_archives.py archives/ rows.parquet
    python3 spark_archives.py --pipe archives/ rows.parquet
    spark-submit --master spark://... spark_archives.py hdfs://.../archives/ hdfs://.../rows.parquet

An archive is a file of octets from one HAN port. One task reads it whole, so that no frame is lost at a split;
the column source names it. On a cluster each worker needs hanpipe; --pipe also needs its programs in the PATH. The
column other has the values without a column of their own, as JSON; with --pipe all of these are texts.

The workers write a file for each archive themselves, which takes less time than to pass each row to Spark. by_library
passes the rows, for what Spark is to do with them.
"""

import argparse
import hashlib
import io
import os
import sys

import pyarrow
from pyarrow import fs, parquet
from pyspark.sql import DataFrame, SparkSession, functions

import hanpipe

# Each column costs time, an empty one too. hanpipe.table_schema() has more than twice as many.
COLUMNS = (
    "time", "source", "meter_ID", "meter_maker", "meter_model", "obis_list_version", "date_time",
    "act_pow_pos", "act_pow_neg", "react_pow_pos", "react_pow_neg",
    "curr_L1", "curr_L2", "curr_L3", "volt_L1", "volt_L2", "volt_L3",
    "act_energy_pos", "act_energy_neg", "react_energy_pos", "react_energy_neg",
    "act_energy_pos_T1", "act_energy_pos_T2", "act_energy_neg_T1", "act_energy_neg_T2",
    "gas_volume", "other",
)  # fmt: skip
PIPE = "han-frame --lines --no-time | han-decode | han-fields"
PIECE = 32768  # octets of an archive in a line
ROWS = 100_000  # of a table, and of a row group of Parquet
TIME = pyarrow.timestamp("us", tz="UTC")  # the only one that Spark takes


def schema():
    """Return the columns that Spark gets."""
    fields = hanpipe.table_schema(COLUMNS)
    at = fields.get_field_index("time")
    return fields.set(at, fields.field(at).with_type(TIME))


def tables(path: str, octets):
    """Yield the readings of an archive as tables."""
    columns = hanpipe.table_schema(COLUMNS)
    at = columns.get_field_index("source")
    for table in hanpipe.tables(io.BytesIO(octets), names=COLUMNS, rows=ROWS):
        yield table.set_column(at, columns.field(at), pyarrow.repeat(name(path), table.num_rows))


def write_files(archives: DataFrame, folder: str) -> DataFrame:
    """Write the readings of each archive to a file in a new folder, in the workers; return path and rows of each.

    A file gets its name when it is whole, and a task that Spark runs again writes the same files again.
    """

    def files(batches):
        system, root = filesystem(folder)
        for batch in batches:
            for path, octets in zip(batch["path"].to_pylist(), batch["content"], strict=True):
                file = f"{name(path)}-{hashlib.sha256(path.encode()).hexdigest()[:8]}.parquet"
                with parquet.ParquetWriter(
                    f"{root}/.{file}", hanpipe.table_schema(COLUMNS), filesystem=system
                ) as writer:
                    rows = 0
                    for table in tables(path, octets.as_buffer()):
                        writer.write_batch(table)
                        rows += table.num_rows
                system.move(f"{root}/.{file}", f"{root}/{file}")
                yield pyarrow.RecordBatch.from_pydict({"path": [path], "rows": [rows]})

    return archives.mapInArrow(files, "path string, rows long")


def filesystem(folder: str):
    """Return the file system of a folder, which may be hdfs:// or s3://, and its path there."""
    return fs.FileSystem.from_uri(folder if "://" in folder else os.path.abspath(folder))


def by_library(archives: DataFrame) -> DataFrame:
    """Return the readings in archives, decoded in the workers of Spark."""
    columns = schema()

    def rows(batches):
        for batch in batches:
            for path, octets in zip(batch["path"].to_pylist(), batch["content"], strict=True):
                for table in tables(path, octets.as_buffer()):
                    yield table.cast(columns)

    return archives.mapInArrow(rows, spark_schema(archives.sparkSession))


def by_programs(archives: DataFrame) -> DataFrame:
    """Return the same of the programs, which get lines SOURCE HEX and give lines of JSON."""

    def lines(archive):
        for at in range(0, len(archive.content), PIECE):
            yield f"{name(archive.path)} {archive.content[at : at + PIECE].hex()}"

    readings = archives.rdd.flatMap(lines).pipe(
        f"bash -o pipefail -c '{PIPE}'", {"PATH": os.environ["PATH"]}, checkCode=True
    )
    line, columns = functions.col("value"), spark_schema(archives.sparkSession)
    values = functions.from_json(line, "map<string,string>")
    others = functions.map_filter(values, lambda name, _: ~name.isin(*COLUMNS))
    other = functions.when(functions.size(others) > 0, functions.to_json(others)).alias("other")
    known = functions.from_json(line, columns)
    return (
        readings.map(lambda text: (text,))
        .toDF("value string")
        .select(*(other if name == "other" else known[name].alias(name) for name in columns.names))
    )


def name(path: str) -> str:
    """Return the name of an archive without its folder, and without spaces, which end the source in a line."""
    return path.rpartition("/")[2].replace(" ", "%20")


def spark_schema(spark: SparkSession):
    """Return the columns as Spark's types."""
    return spark.createDataFrame(schema().empty_table()).schema


def octets_in(spark: SparkSession, archives: str) -> DataFrame:
    """Return path and content of each archive in a folder."""
    return spark.read.format("binaryFile").load(archives).select("path", "content")


def write(archives: DataFrame, folder: str, *, pipe: bool) -> None:
    """Write the readings in archives to a new folder. raise: FileExistsError."""
    if pipe:
        by_programs(archives).write.mode("error").parquet(folder)
        return
    system, root = filesystem(folder)
    if system.get_file_info(root).type != fs.FileType.NotFound:
        raise FileExistsError(f"{folder} exists; expected a new folder")
    system.create_dir(root)
    write_files(archives, folder).agg({"rows": "sum"}).collect()
    system.open_output_stream(f"{root}/_SUCCESS").close()  # as Spark does, when all is written


def main(argv: list[str]) -> int:
    """Write the rows; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", help="folder of archives")
    parser.add_argument("rows", help="folder of Parquet files to write; it must not exist")
    parser.add_argument("--pipe", action="store_true", help="use the programs, and not the library")
    options = parser.parse_args(argv)
    spark = SparkSession.builder.appName("archives").config("spark.ui.enabled", "false").getOrCreate()
    try:
        write(octets_in(spark, options.archives), options.rows, pipe=options.pipe)
    except FileExistsError as error:
        parser.error(str(error))
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
