"""han-log: octets or records to dated files, and on."""

import argparse

from hanpipe.log.log import Log, names_a_day
from hanpipe.unix.options import new_parser, positive_integer
from hanpipe.unix.program import Program
from hanpipe.unix.status import OK


def main(argv: list[str]) -> int:
    """Run han-log; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.name is not None and ("/" in options.name or not options.name):
        parser.error("--name: expected the name of a file, without a directory")
    if options.keep is not None and options.name is not None and not names_a_day(options.name):
        parser.error("--keep needs a --name with year, month and day, which show how old a file is")
    program = Program(options, parser.prog)
    log = Log(program, options)
    try:
        for data, _ in program.pieces(log.patience):
            try:
                program.write(data)
            finally:  # what was read is kept, also if the reader has left
                log.add(data)
    finally:
        log.end()
    return OK if log.good else program.nothing("found no good frame in the input; it is kept all the same")


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-log",
        "Pass on octets of a HAN port, or records of han-frame, as they come, and write\n"
        "them to dated files as well. A new file begins between two frames; a full disk does\n"
        "not stop the pipe. Writes every 10 s, so that much is lost if it is killed.",
        "han-read /dev/HANserial | han-log --dir /var/log/han --keep 400 | han-frame",
        files="octets or records (default: -, standard input)",
    )
    add = parser.add_argument
    add("--dir", required=True, help="write to this directory, which is made if it is missing")
    name = "name the files so, by strftime in local time (default:\n%%Y-%%m-%%d.raw; for records %%Y-%%m-%%d.records)"
    add("--name", metavar="PATTERN", help=name)
    add("--records", action="store_true", help="take the input for records, whatever it begins with")
    add("--gzip", action="store_true", help="compress the files; adds .gz to their names")
    keep = "delete files with such names once they are older"
    add("--keep", type=positive_integer, metavar="DAYS", help=keep)
    return parser
