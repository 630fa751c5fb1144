"""han-parquet: readings to a Parquet file."""

import argparse
import os

from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-parquet; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    from hanpipe.sinks.tables import dataset, parquet  # after --help: a missing pyarrow is reported now

    if options.partition:
        if os.path.exists(options.file) and not os.path.isdir(options.file):
            parser.error(f"{options.file} is a file; with --partition, the folder to write to comes first")
        return dataset.write(Program(options, parser.prog))
    if not parquet.may_be_replaced(options.file):
        parser.error(f"{options.file} exists and is not a Parquet file; the file to write comes first")
    return parquet.write(Program(options, parser.prog))


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-parquet",
        "Write readings to a Parquet file: a column per name, a row per reading, in order. The\n"
        "input is read twice; a pipe is copied beside the file meanwhile. The file appears when\n"
        "the input has ended, complete. --partition adds files to a folder instead, while the\n"
        "input goes on. Needs the package pyarrow.",
        "... | han-fields | han-parquet november.parquet",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
    )
    parser.add_argument("file", metavar="FILE", help="to write; an existing Parquet file is replaced")
    parser.add_argument(
        "--partition",
        action="store_true",
        help="FILE is a folder: add a file per day and meter to\nFILE/day=.../meter=.../, at least every hour",
    )
    parser.add_argument(
        "files", nargs="*", default=[], metavar="INPUT", help="lines of han-fields; - or none: standard input"
    )
    return parser
