"""han-read: a port, socket, file or stdin to octets."""

import argparse
import time
from collections.abc import Iterator

from hanpipe.line.port import check_name, is_live
from hanpipe.line.settings import PARITIES, Line
from hanpipe.unix.options import new_parser, non_negative, positive_integer
from hanpipe.unix.program import Program
from hanpipe.unix.status import OK
from hanpipe.unix.typed import Final

_IDLE: Final = 60.0  # s of silence to warn of: no meter is silent for longer than 20 s
_STEP: Final = 0.05  # s between two writes of a replay


def main(argv: list[str]) -> int:
    """Run han-read; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        check_name(options.source)
        if options.auto and options.source.startswith("socket:"):
            raise ValueError("--auto: a plain socket cannot be set; do it where the port is")
        line = _line(options)
    except ValueError as error:
        parser.error(str(error))
    live = is_live(options.source)
    if live and options.speed:
        parser.error("--speed replays a file: a line has its own speed")
    if not live and (options.auto or options.idle is not None):
        parser.error("--auto and --idle are for a port or a connection")
    options.files = [options.source]
    options.idle = _IDLE if options.idle is None else options.idle
    program = Program(options, parser.prog)
    if live:
        from hanpipe.line.reader import Live
        from hanpipe.link import FRAMERS

        Live(program, options.source, line, options, FRAMERS["auto"]).run()
    elif options.speed:
        _replay(program, options.speed * line.octets_per_second)
    else:
        for data, _ in program.pieces():
            program.write(data)
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-read",
        "Read the octets of a HAN port and write them to stdout as they come.\n\n"
        "A port or connection that is lost or missing is waited for and opened again.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields\n"
        "  han-read --auto /dev/serial/by-id/usb-FTDI-if00-port0 > mine.raw\n"
        "  han-read --speed 10 mine.raw | han-frame | han-decode | han-fields",
    )
    parser.add_argument(
        "source",
        nargs="?",
        default="-",
        metavar="DEVICE",
        help="serial port, file, socket://HOST:PORT or\nrfc2217://HOST:PORT; - or none: standard input",
    )
    setting = parser.add_argument_group("setting of the port (default: 2400 8E1, as wired M-Bus has it)")
    setting.add_argument("--meter", metavar="NAME", help="as this meter needs it, by the meter data")
    setting.add_argument("--baud", type=positive_integer, metavar="RATE", help="baud rate")
    setting.add_argument("--parity", choices=list(PARITIES), help="parity")
    setting.add_argument("--bits", type=int, choices=(7, 8), help="bits of data in an octet")
    setting.add_argument("--stop", type=int, choices=(1, 2), help="stop bits")
    setting.add_argument(
        "--auto", action="store_true", help="try this setting and the others that meters use; keep the one that decodes"
    )
    parser.add_argument("--once", action="store_true", help="end when the port is lost or missing")
    parser.add_argument(
        "--idle",
        type=non_negative,
        metavar="SECONDS",
        help=f"warn when nothing comes, or nothing that decodes, for so\nlong (default: {_IDLE:.0f}; 0: never)",
    )
    parser.add_argument(
        "--speed",
        type=_factor,
        metavar="N",
        help="replay a file at N times the speed of the line, octet\nbehind octet: a file does not hold the silences",
    )
    return parser


def _factor(text: str) -> float:
    """Read a factor above 0. raise: ArgumentTypeError."""
    factor = non_negative(text)
    if not factor:
        raise argparse.ArgumentTypeError("a factor above 0 is wanted")
    return factor


def _line(options: argparse.Namespace) -> Line:
    """Return the setting that is asked for. raise: ValueError: an unknown meter."""
    line = Line()
    if options.meter:
        from hanpipe.readings import layouts

        try:
            line = line._replace(**layouts.line_settings(options.meter))
        except KeyError:
            raise ValueError(f"no meter {options.meter}; known are: {', '.join(layouts.names())}") from None
    given = {name: value for name in Line._fields if (value := getattr(options, name)) is not None}
    return line._replace(**given)


def _replay(program: Program, octets_per_second: float) -> None:
    """Write the input at a pace that does not drift."""
    for data, wanted in paced(program.pieces(), octets_per_second):
        program.wait(None, wanted - time.monotonic())
        program.write(data)


def paced(pieces: Iterator[tuple[bytes, int]], octets_per_second: float) -> Iterator[tuple[bytes, float]]:
    """Yield octets in small steps, and when by time.monotonic() the last one of a step has passed on the line."""
    begin = time.monotonic()
    done = 0
    step = max(1, round(octets_per_second * _STEP))
    for data, _ in pieces:
        if time.monotonic() > begin + done / octets_per_second + 1:  # the input made us wait
            begin, done = time.monotonic(), 0
        for at in range(0, len(data), step):
            part = data[at : at + step]
            done += len(part)
            yield part, begin + done / octets_per_second
