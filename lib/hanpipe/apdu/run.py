"""One run of han-decode: records in, lines or trees out, and at the end what was found."""

import time
from collections.abc import Callable, Iterable

from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.dlms import read_notification
from hanpipe.apdu.message import Apdu, Message, Opened, Refusal, Result
from hanpipe.link.octets import Malformed
from hanpipe.link.records import Record, RecordReader
from hanpipe.unix.program import Program
from hanpipe.unix.status import IO, Failure
from hanpipe.unix.stderr import counted, reason
from hanpipe.unix.typed import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from hanpipe.apdu.counters import Counters

_BEGINNING: Final = 4096  # octets that show which kind of input this is
_UNCHECKED: Final = '"checked":false,'  # in the keys of a message; in a text, its quotes would be escaped
_SAVE_PAUSE: Final = 900  # s between two writes of the counters: SD cards wear out


class Outcome:
    """Counts of what was found so far."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.good = 0
        self._faults: dict[str, int] = {}

    def add(self, results: list[Opened | Result]) -> None:
        """Count the results of a piece of the input."""
        others = [result for result in results if type(result) is not Message or result.envelope]
        self.good += len(results) - len(others)
        for result in others:
            if type(result) is Refusal:
                fault = result.keys["fault"]
                self._faults[fault] = self._faults.get(fault, 0) + 1
            else:
                self.good += is_good(result)

    def all_refused(self) -> bool:
        """Tell whether ciphered messages came, and not one could be opened."""
        deciphering = self._decoder.opener.deciphering
        return deciphering is not None and bool(deciphering.met) and not deciphering.opened

    def counters(self) -> dict[str, Any]:
        """Return the counters of --stats."""
        deciphering = self._decoder.opener.deciphering
        met, opened = (deciphering.met, deciphering.opened) if deciphering else (0, 0)
        return {"messages": self.good, "ciphered": met, "deciphered": opened, "faults": self._faults}

    def summary(self) -> str:
        """Write the counts for a person."""
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in self._faults.items())
        faults = sum(self._faults.values())
        return f"{counted(self.good, 'message')}, {counted(faults, 'fault')}" + (f" ({kinds})" if kinds else "")

    def failure(self, wrong_kind: Callable[[], str]) -> str:
        """Say why nothing could be read, and what to do. wrong_kind: returns what the input is, or ""."""
        if not self._faults:
            return "the input is empty"
        if self._faults.keys() == {"record"}:
            return wrong_kind() or "the input is not made of han-frame's records; run han-frame first"
        return f"found no message that can be read, only {self.summary().partition(', ')[2]}"


def is_good(result: Opened | Result) -> bool:
    """Tell whether a result could be read, of a frame whose check is right.

    An APDU, which is to be drawn, has not been read before.
    """
    if type(result) is Message:
        return _UNCHECKED not in result.envelope
    if type(result) is not Apdu:
        return type(result) is not Refusal
    if "checked" in result.keys:
        return False
    try:
        read_notification(result.octets, descriptors=True)
    except Malformed:
        return False
    return True


def decode(
    program: Program,
    decoder: Decoder,
    draw: Callable[[Opened], str] | None,
    wrong_kind: Callable[[bytes], str] = lambda octets: "",
) -> Outcome:
    """Decode the input of a program to its output.

    draw:  writes what is found for people; None: lines of typed JSON are written
    wrong_kind: returns what the first octets of an input are, if they are not records
    raise: ModuleNotFoundError: cryptography is missing; Failure: an input, the output or the counters failed
    """
    reader = RecordReader()
    outcome = Outcome(decoder)
    show_stats = program.stats(outcome.counters)
    deciphering = decoder.opener.deciphering
    saver = _Saver(deciphering.counters if deciphering else None, program)

    begin = b""
    read = _each_apdu(decoder) if draw else decoder.feed_all
    count: int | None = program.options.count

    def step(data: bytes, _: int) -> list[Any]:
        nonlocal begin
        begin = begin or data[:_BEGINNING]
        records = reader.feed(data)
        results: list[Any] = read(records) if count is None else _up_to(records, read, count - outcome.good)
        if not data:
            results += decoder.end()
        saver.save_now_and_then()
        return results

    def write(results: list[Any], _: int) -> bytes:
        outcome.add(results)
        if draw:
            return "".join(map(draw, results)).encode()
        return "".join([result.line() + "\n" for result in results]).encode()

    try:
        program.stream(step, write, is_good)
    finally:
        saver.save()
    show_stats()
    program.explain(outcome.summary())
    if not (outcome.good or outcome.all_refused()):  # the reason of a refusal was said when it came
        program.warn(outcome.failure(lambda: wrong_kind(begin)))
    return outcome


def _each_apdu(decoder: Decoder) -> Callable[[Iterable[Record]], list[Opened]]:
    """Return what gives each APDU of records by itself, not read."""
    return lambda records: [one for record in records for one in decoder.open_each(*record)]


def _up_to(records: list[Record], read: Callable[[list[Record]], list[Any]], left: int) -> list[Any]:
    """Read records up to the one that completes the last good result: the counter of a later one must not be saved."""
    results: list[Any] = []
    for record in records:
        results += read([record])
        if sum(map(is_good, results)) >= left:
            break
    return results


class _Saver:
    """Saves the counters now and then, and at the end."""

    def __init__(self, counters: "Counters | None", program: Program) -> None:
        self._counters = counters
        self._program = program
        self._next = time.monotonic() + _SAVE_PAUSE

    def save_now_and_then(self) -> None:
        """Save them if it is time. On failure warn only: it may succeed at the end."""
        if self._counters is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _SAVE_PAUSE
        try:
            self._counters.save()
        except OSError as error:
            self._program.warn(f"{self._counters.path}: {reason(error)}")

    def save(self) -> None:
        """Save them. raise: Failure."""
        if self._counters is None:
            return
        try:
            self._counters.save()
        except OSError as error:
            raise Failure(IO, f"{self._counters.path}: {reason(error)}") from error
