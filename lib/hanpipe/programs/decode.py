"""han-decode: frames to typed JSON."""

import argparse
import os
import time
from collections.abc import Callable

from hanpipe.apdu.decoder import Apdu, Decoder, Opened, Refusal, Told
from hanpipe.apdu.dlms import read_notification
from hanpipe.link.octets import Malformed
from hanpipe.link.records import RecordReader
from hanpipe.unix.options import new_parser
from hanpipe.unix.program import Program
from hanpipe.unix.status import CONFIGURATION, IO, NOTHING, OK, REFUSED, Failure
from hanpipe.unix.stderr import reason
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.apdu.ciphering import Deciphering
    from hanpipe.apdu.keys import CounterFile, Keys

_SAVE_PAUSE: Final = 900  # s between two writes of the counters: SD cards wear out


def main(argv: list[str]) -> int:
    """Run han-decode; return its exit status."""
    options = _parser().parse_args(argv)
    program = Program(options, "han-decode")
    counters = _read_counters(options.counters)
    keeper = _Keeper(counters, program)
    reader = RecordReader()
    decoder = Decoder(_deciphering(program, counters), program.tell, descriptors=options.descriptors)
    tally = Tally(decoder)
    show_stats = program.stats(tally.counters)

    def step(data: bytes, _: int) -> list[Opened | Told]:
        records = reader.feed(data)
        told: list[Opened | Told] = []
        if options.tree:
            told += [one for record in records for one in decoder.open(*record)]
        else:
            told += decoder.feed_all(records)
        if not data:
            told += decoder.end()
        keeper.save_now_and_then()
        return told

    draw = _trees() if options.tree else _lines

    def write(told: list[Opened | Told], time: int) -> bytes:
        tally.add(told)
        return draw(told, time)

    try:
        found = program.stream(step, write, _is_good)
    except ModuleNotFoundError as error:
        if error.name != "cryptography":
            raise
        raise Failure(CONFIGURATION, str(error)) from error
    finally:
        keeper.save()
    show_stats()
    if tally.no_records():
        program.tell("these octets are no records of han-frame: is han-frame in front?")
    program.explain(tally.summary())
    if tally.all_refused():
        return REFUSED
    return OK if found else NOTHING


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
    parser.add_argument("--tree", action="store_true", help="show types, values and what they mean, for people")
    parser.add_argument(
        "--descriptors",
        action="store_true",
        help="read values that have an attribute descriptor without a\ntag in front, which is no A-XDR",
    )
    parser.add_argument(
        "--key-file",
        metavar="FILE",
        help="keys of ciphered meters, a line each, in hex:\nSYSTEM-TITLE KEY [AUTHENTICATION-KEY], * for any title\n"
        "(default: $HANPIPE_KEY_FILE, then systemd's han-keys)",
    )
    parser.add_argument(
        "--counters",
        metavar="FILE",
        help="keep the last invocation counter of each meter there, and\nsay if one comes again after a restart",
    )
    return parser


def _is_good(one: Opened | Told) -> bool:
    """Tell whether it could be read; --tree draws an APDU as far as it can be, and has not read it before."""
    if type(one) is not Apdu:
        return type(one) is not Refusal
    try:
        read_notification(one.octets, descriptors=True)
    except Malformed:
        return False
    return True


def _lines(told: list[Any], _: int) -> bytes:
    return "".join([one.line() + "\n" for one in told]).encode()


def _trees() -> Callable[[list[Any], int], bytes]:
    from hanpipe.views.colour import colour_of_stdout
    from hanpipe.views.tree import draw

    colour = colour_of_stdout()
    return lambda told, _: "".join([draw(one, colour) for one in told]).encode()


def _deciphering(program: Program, counters: "CounterFile | None") -> "Deciphering | None":
    """Return what opens ciphered APDUs; None if there is neither a key nor a counter: most meters need none."""
    keys = _read_keys(program)
    if keys is None and counters is None:
        return None
    from hanpipe.apdu.ciphering import Deciphering

    return Deciphering(keys, counters, program.tell)


def _read_keys(program: Program) -> "Keys | None":
    """Read the key file, if there is one. raise: Failure."""
    named = program.options.key_file
    if named is None and not os.environ.keys() & {"HANPIPE_KEY_FILE", "CREDENTIALS_DIRECTORY"}:
        return None
    from hanpipe.apdu import keys

    path = keys.find_key_file(os.environ) if named is None else named
    if path is None:
        return None
    try:
        found, exposed = keys.read_key_file(path)
    except keys.WrongKeyFile as error:
        raise Failure(CONFIGURATION, str(error)) from error
    except OSError as error:
        raise Failure(IO, f"{path}: {reason(error)}") from error
    if exposed:
        program.tell(f"{path}: everybody may read these keys: chmod o-rwx {path}")
    return found


def _read_counters(path: str | None) -> "CounterFile | None":
    """Read the counters file, if one is asked for. raise: Failure."""
    if path is None:
        return None
    from hanpipe.apdu.keys import CounterFile

    try:
        return CounterFile(path)
    except OSError as error:
        raise Failure(IO, f"{path}: {reason(error)}") from error


class _Keeper:
    """Writes the counters to their file: not with every message, and at the end."""

    def __init__(self, counters: "CounterFile | None", program: Program) -> None:
        self._counters = counters
        self._program = program
        self._path = program.options.counters
        self._next = time.monotonic() + _SAVE_PAUSE
        if counters and counters.torn:
            program.tell(f"{self._path}: lines that are none of a counters file are left out: {counters.torn}")

    def save_now_and_then(self) -> None:
        """Write them if it is time to; what cannot be written now may be at the end."""
        if self._counters is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _SAVE_PAUSE
        try:
            self._counters.save()
        except OSError as error:
            self._program.tell(f"{self._path}: {reason(error)}")

    def save(self) -> None:
        """Write them. raise: Failure."""
        if self._counters is None:
            return
        try:
            self._counters.save()
        except OSError as error:
            raise Failure(IO, f"{self._path}: {reason(error)}") from error


class Tally:
    """What was found so far."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._good = 0
        self._faults: dict[str, int] = {}

    def add(self, told: list[Opened | Told]) -> None:
        """Count what a piece of the input gave."""
        for one in told:
            if type(one) is Refusal:
                fault = one.keys["fault"]
                self._faults[fault] = self._faults.get(fault, 0) + 1
            else:
                self._good += type(one) is not Apdu or _is_good(one)

    def all_refused(self) -> bool:
        """Tell whether ciphered messages came, and none could be opened."""
        deciphering = self._decoder.deciphering
        return deciphering is not None and bool(deciphering.met) and not deciphering.opened

    def no_records(self) -> bool:
        """Tell whether there was input, and no record in it."""
        return not self._good and self._faults.keys() == {"record"}

    def counters(self) -> dict[str, Any]:
        """Return the counters of --stats."""
        deciphering = self._decoder.deciphering
        met, opened = (deciphering.met, deciphering.opened) if deciphering else (0, 0)
        return {"messages": self._good, "ciphered": met, "deciphered": opened, "faults": self._faults}

    def summary(self) -> str:
        """Say the same to a person."""
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in self._faults.items())
        return f"{self._good:,} messages, {sum(self._faults.values()):,} faults" + (f" ({kinds})" if kinds else "")
