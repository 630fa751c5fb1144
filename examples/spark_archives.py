"""Read a folder of archives into Parquet with Spark: with the library, or with the programs. Both give the same rows.

    pip install 'pyspark[sql]' 'hanpipe[parquet]'   # and a Java: apt install default-jre-headless
    python3 spark_archives.py archives/ rows.parquet
    python3 spark_archives.py --pipe archives/ rows.parquet
    spark-submit --master spark://... spark_archives.py hdfs://.../archives/ hdfs://.../rows.parquet

An archive is a file of octets from one HAN port. One task reads it whole, so that no frame is lost at a split;
the column source names it. On a cluster each worker needs hanpipe; --pipe also needs its programs in the PATH. The
column other has the values without a column of their own, as JSON; with --pipe all of these are texts.
"""

import argparse
import io
import os
import sys

import pyarrow
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
TIME = pyarrow.timestamp("us", tz="UTC")  # the only one that Spark takes


def schema():
    """Return the columns that Spark gets."""
    fields = hanpipe.table_schema(COLUMNS)
    at = fields.get_field_index("time")
    return fields.set(at, fields.field(at).with_type(TIME))


def by_library(archives: DataFrame) -> DataFrame:
    """Return the readings in archives, decoded in the workers of Spark."""
    columns = schema()

    def rows(batches):
        at = columns.get_field_index("source")
        for batch in batches:
            for path, octets in zip(batch["path"], batch["content"], strict=True):
                for table in hanpipe.tables(io.BytesIO(octets.as_buffer()), names=COLUMNS):
                    source = pyarrow.repeat(name(path.as_py()), table.num_rows)
                    yield table.set_column(at, columns.field(at), source).cast(columns)

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


def write(spark: SparkSession, decode, archives: str, rows: str) -> None:
    """Write the rows of a folder of archives to a new folder. decode: by_library or by_programs."""
    octets = spark.read.format("binaryFile").load(archives).select("path", "content")
    decode(octets).write.parquet(rows)


def main(argv: list[str]) -> int:
    """Write the rows; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archives", help="folder of archives")
    parser.add_argument("rows", help="folder of Parquet files to write; it must not exist")
    parser.add_argument("--pipe", action="store_true", help="use the programs, and not the library")
    options = parser.parse_args(argv)
    spark = SparkSession.builder.appName("archives").config("spark.ui.enabled", "false").getOrCreate()
    write(spark, by_programs if options.pipe else by_library, options.archives, options.rows)
    spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
