"""han-influx: readings to InfluxDB, or to any program that reads its line protocol."""

import argparse

from hanpipe.sinks.options import add_pass, add_tls, parser, tls_clash
from hanpipe.unix.options import positive_integer
from hanpipe.unix.program import Program


def main(argv: list[str]) -> int:
    """Run han-influx; return its exit status."""
    made = _parser()
    options = made.parse_args(argv)
    if words := _clash(options):
        made.error(words)
    from hanpipe.sinks.influx.start import start  # after --help

    try:
        return start(Program(options, made.prog))
    except ValueError as error:
        made.error(f"--url {options.url}: {error}")


def _parser() -> argparse.ArgumentParser:
    made = parser(
        "han-influx",
        "Write readings in InfluxDB's line protocol, or post them to InfluxDB 1 or 2.\n"
        "The time of a point is when its frame arrived, else the meter's clock if it has an\n"
        "offset; else the point has no time, and its receiver dates it on arrival.\n"
        "Every number is a float field; the meter's number is a tag; other texts are left out.",
        "... | han-fields | han-influx --url http://127.0.0.1:8086 --database han",
    )
    made.add_argument(
        "--measurement", default="han", metavar="NAME", help="name the measurement of all points (default: han)"
    )
    group = made.add_argument_group("InfluxDB")
    add = group.add_argument
    add("--url", help="post to this server instead of writing to standard output")
    add("--database", metavar="NAME", help="write to this database of version 1 (default: han)")
    add("--org", metavar="NAME", help="write to this organization of version 2, with --bucket")
    add("--bucket", metavar="NAME", help="write to this bucket of version 2, with --org")
    add(
        "--login",
        metavar="FILE",
        help="read USER:PASSWORD from FILE (else $HAN_INFLUX_USER and _PASSWORD); for version 2 the token (else "
        "$HAN_INFLUX_TOKEN)",
    )
    add_tls(group)
    add("--interval", type=positive_integer, metavar="SECONDS", help="post at this interval (default: 10)")
    add_pass(group)
    return made


def _clash(options: argparse.Namespace) -> str:
    """Return why the options do not go together, "" if they do."""
    of_server = ("database", "org", "bucket", "login", "ca", "insecure", "interval")
    if not options.url and any(getattr(options, name) for name in of_server):
        return "--database, --org, --bucket, --login, --ca, --insecure and --interval need --url"
    if not options.url and options.pass_on:
        return "--pass needs --url: without it standard output has the points"
    if bool(options.org) != bool(options.bucket):
        return "--org and --bucket go together"
    if options.database and options.bucket:
        return "--database is for version 1, --org and --bucket are for version 2"
    if not options.measurement.strip() or options.measurement.startswith("#"):
        return "--measurement: expected a name that does not begin with #"
    return tls_clash(options) if options.url else ""
