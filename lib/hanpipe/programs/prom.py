"""han-prom: readings to Prometheus."""

import argparse

from hanpipe.sinks.options import add_pass, parser
from hanpipe.unix.options import address, positive_integer
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-prom; return its exit status."""
    made = _parser()
    options = made.parse_args(argv)
    if not options.textfile and not options.listen:
        made.error("one of --textfile and --listen is required")
    from hanpipe.sinks.prometheus.sink import PrometheusSink  # after --help
    from hanpipe.sinks.run import run

    program = Program(options, made.prog)
    return run(program, PrometheusSink(program))


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-prom",
        "Show the last values of readings to Prometheus: in a file for node_exporter, or at an\n"
        "endpoint to scrape, as long as the input lasts. Units are base units: energy in joules.",
        "... | han-fields | han-prom --listen 9842",
    )
    made.add_argument(
        "--textfile",
        metavar="FILE",
        help="write this file every 10 s, replacing it whole; for example\n/var/lib/prometheus/node-exporter/NAME.prom",
    )
    made.add_argument(
        "--listen", type=address, metavar="[HOST:]PORT", help="answer http://HOST:PORT/metrics (HOST: 127.0.0.1)"
    )
    made.add_argument(
        "--stale",
        type=positive_integer,
        default=5,
        metavar="MINUTES",
        help="leave out values that were not sent for so long, except\nregisters (default: 5)",
    )
    add_pass(made)
    return made
