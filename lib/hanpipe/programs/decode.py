"""han-decode: frames to typed JSON."""

import argparse
import os
from collections.abc import Callable

from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Opened
from hanpipe.apdu.run import decode
from hanpipe.unix.late import late
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import NOTHING, OK, REFUSED
from hanpipe.unix.typed import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hanpipe.apdu.deciphering import Deciphering

_WRONG_KIND: Final = late("doctor.hint", "wrong_kind", "han-decode")
_FLAGS: Final = {
    "--tree": "show types, values and their meaning, for people",
    "--unchecked": 'also read frames whose check failed, as far as they go;\ntheir lines say "checked":false',
    "--descriptors": "also read values after an attribute descriptor without a\ntag",
}
_FILES: Final = {
    "--key-file": "read the keys of ciphered meters, a line for each, in hex:\nSYSTEM-TITLE KEY [AUTHENTICATION-KEY], "
    "* for any title\n(default: $HANPIPE_KEY_FILE, then systemd's han-keys)",
    "--counters": "keep the last invocation counter of each meter in FILE;\nwarn if one comes again after a restart",
}


def main(argv: list[str]) -> int:
    """Run han-decode; return its exit status."""
    options = _parser().parse_args(argv)
    program = Program(options, "han-decode")
    decoder = Decoder(_deciphering(program), program.warn, descriptors=options.descriptors, unchecked=options.unchecked)
    outcome = decode(program, decoder, _drawing() if options.tree else None, _WRONG_KIND)
    return REFUSED if outcome.all_refused() else OK if outcome.good else NOTHING


def _parser() -> argparse.ArgumentParser:
    parser = new_parser(
        "han-decode",
        "Decode the frames of han-frame into typed JSON, one line for each APDU, telegram or fault.",
        "han-frame capture.raw | han-decode | jq .body\n  han-frame capture.raw | han-decode --key-file keys.txt",
        count="stop after COUNT APDUs and telegrams",
        follow="wait for more when a regular file ends",
        stats="write counters as a JSON line to stderr at the end and\non SIGUSR1",
        files="records of han-frame; - or none: standard input",
    )
    for flag, text in _FLAGS.items():
        parser.add_argument(flag, action="store_true", help=text)
    for option, text in _FILES.items():
        parser.add_argument(option, metavar="FILE", help=text)
    return parser


def _drawing() -> Callable[[Opened], str]:
    from hanpipe.views.colour import colour_of_stdout
    from hanpipe.views.tree import draw

    colour = colour_of_stdout()
    return lambda opened: draw(opened, colour)


def _deciphering(program: Program) -> "Deciphering | None":
    """Return what opens ciphered APDUs, None if the user names neither keys nor counters. raise: Failure."""
    options = program.options
    if not (options.key_file or options.counters or {"HANPIPE_KEY_FILE", "CREDENTIALS_DIRECTORY"} & os.environ.keys()):
        return None
    from hanpipe.apdu.options import deciphering_of

    return deciphering_of(program, options.counters)
