"""han-read: a port, socket, file or stdin to octets."""

import argparse

from hanpipe.line.port import check_name, is_live
from hanpipe.line.settings import Line, add_settings, chosen
from hanpipe.unix.late import late
from hanpipe.unix.options import new_parser, non_negative, positive_number
from hanpipe.unix.program import Program
from hanpipe.unix.status import OK
from hanpipe.unix.typed import Final

_HINTS: Final = late("doctor.hint", "why_nothing", "han-frame"), late("doctor.hint", "why_setting_failed")
_IDLE: Final = 60.0  # s of silence to warn of: no meter is silent for longer than 20 s


def main(argv: list[str]) -> int:
    """Run han-read; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    live = is_live(options.source)
    try:
        check_name(options.source)
        if options.auto and options.source.startswith("socket:"):
            raise ValueError("--auto: a plain socket has no settings; use it on the machine that has the port")
        if live and options.speed:
            raise ValueError("--speed replays a file; a port has its own speed")
        if not live and (options.auto or options.idle is not None):
            raise ValueError(f"{'--auto' if options.auto else '--idle'} is for a port or URL, not for {options.source}")
        line = _line(options)
    except ValueError as error:
        parser.error(str(error))
    options.files = [options.source]
    program = Program(options, parser.prog)
    if live:
        from hanpipe.line.reader import Live
        from hanpipe.link import new_detector

        options.idle = _IDLE if options.idle is None else options.idle
        Live(program, options.source, line, options, new_detector, *_HINTS).run()
    else:
        from hanpipe.line.replay import replay

        replay(program, options.speed * line.octets_per_second if options.speed else None)
    return OK


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-read",
        "Read the octets of a HAN port and write them as they come; wait for a port that is missing or lost.",
        "han-read /dev/HANserial | han-frame | han-decode | han-fields\n"
        "  han-read --auto /dev/serial/by-id/usb-FTDI-if00-port0 > mine.raw",
    )
    add = parser.add_argument
    source = "serial port, file, socket://HOST:PORT or\nrfc2217://HOST:PORT (default: -, standard input)"
    add("source", nargs="?", default="-", metavar="DEVICE", help=source)
    port = parser.add_argument_group("settings of the port (default: 2400 8E1, as for wired M-Bus)")
    port.add_argument("--meter", metavar="NAME", help="use this meter's line settings")
    add_settings(port)
    auto = "try these settings and the others that meters use;\nkeep the first that gives good frames"
    port.add_argument("--auto", action="store_true", help=auto)
    add("--once", action="store_true", help="end when the port is missing or lost")
    idle = f"warn after so long without an octet or a good frame\n(default: {_IDLE:.0f}; 0: never)"
    add("--idle", type=non_negative, metavar="SECONDS", help=idle)
    speed = "replay a file at N times the speed of the line, without\nthe pauses between frames: a file has none"
    add("--speed", type=positive_number, metavar="N", help=speed)
    return parser


def _line(options: argparse.Namespace) -> Line:
    """Return the settings that the options ask for. raise: ValueError: an unknown meter."""
    if not options.meter:
        return chosen(options, Line())
    from hanpipe.readings import layouts

    try:
        return chosen(options, Line(**layouts.line_settings(options.meter)))
    except KeyError:
        raise ValueError(f"unknown meter {options.meter}; known are: {', '.join(layouts.names())}") from None
