"""han-fake: a simulated meter."""

import argparse
from collections.abc import Callable

from hanpipe.fake import faults, meters, send
from hanpipe.unix.options import new_parser, non_negative, positive_integer
from hanpipe.unix.program import Program
from hanpipe.unix.status import OK
from hanpipe.unix.typed import Any


def main(argv: list[str]) -> int:
    """Run han-fake; return its exit status."""
    parser = _parser()
    options = parser.parse_args(argv)
    made = [meters.meter(options.meter, options.number + more) for more in range(options.meters)]
    if options.lines and options.pty:
        parser.error("--lines writes text to stdout, --pty octets to a port: leave one of them out")
    for name in options.fault:
        if faults.KINDS[name].hdlc and made[0].link != "hdlc":
            parser.error(f"--fault {name}: {options.meter} sends no HDLC frames")
    program = Program(options, parser.prog)
    for meter in made:
        if meter.needed:
            from hanpipe.fake.secrets import give_key

            give_key(meter, options.meter, options.key_file)
    send.send(made, program, options)
    return OK


def _parser() -> argparse.ArgumentParser:
    known = meters.names()
    parser = new_parser(
        "han-fake",
        "Simulate a meter in a believable house: send the lists that it would send, when it\n"
        "would send them, to stdout or to a pseudo-terminal.",
        "han-fake -n 20 --speed 0 | han-frame | han-decode | han-fields --text\n"
        "  han-fake --pty /tmp/HANfake --fault flip:0.1%,baud:9600",
        count="stop after COUNT lists",
    )
    add = parser.add_argument
    meter = f"simulate this meter (default: %(default)s): {', '.join(known)}"
    add("--meter", choices=known, default=known[0], metavar="NAME", help=meter)
    number = "simulate the meter with the Nth meter number (default: 1)"
    numbers = f"a number from 1 to {meters.MOST_NUMBERS}"
    add("--number", type=_checked(meters.number, numbers), default=1, metavar="N", help=number)
    several = "simulate so many meters on one line, with the numbers\nfrom N on; they take turns (default: 1)"
    add("--meters", type=positive_integer, default=1, metavar="COUNT", help=several)
    seed = "send the same octets for the same seed: the house, from\n--start on"
    add("--seed", type=_checked(int, "a whole number"), metavar="N", help=seed)
    start = f"begin at this time of the meter's clock (default: now;\nwith --seed {send.START})"
    add(
        "--start",
        type=_checked(send.local_ms, f"a time of 2000 to 2099 such as {send.START}"),
        metavar="TIME",
        help=start,
    )
    speed = "run at N times real time (default: 1); 0: as fast as it can"
    add("--speed", type=non_negative, default=1.0, metavar="N", help=speed)
    key_file = "read the keys of meters that cipher, a line for each:\nTITLE KEY [AUTH-KEY]"
    add("--key-file", metavar="FILE", help=key_file)
    add("--lines", action="store_true", help="write lines METER/NUMBER HEX, for han-frame --lines")
    add("--pty", metavar="PATH", help="send to a new port at PATH instead of stdout")
    damage = f"damage what is sent, by one or several of these with\ncommas between: {faults.help_text()}"
    add("--fault", type=_checked(faults.read), default={}, metavar="LIST", help=damage)
    return parser


def _checked(read: Callable[[str], Any], wanted: str = "") -> Callable[[str], Any]:
    """Return a reader whose ValueError argparse prints. wanted: what was expected, if the error does not say it."""

    def checked(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"expected {wanted}, got {text!r}" if wanted else str(error)) from error

    return checked
