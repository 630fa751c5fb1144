"""The length-prefixed records between han-frame and han-decode.

    "HAN" 3 | kind 1 | length 4 | time 8 | octets

big-endian, back to back, no file header. kind: a letter of link/kinds.py; length: octets that follow the header, 1 to
65,535; time: ns since 1970-01-01 UTC of the read that brought the last octet, 0 = unknown.

Octets that came from one of many sources have a record S before theirs, whose octets are the name of that source in
UTF-8, and whose time is the same. It speaks for the one record after it, so that records may be cut, joined and mixed
like all others.
"""

import re
import struct

from hanpipe.link.kinds import FAULTS, GOOD, LONGEST, SOURCE, Event
from hanpipe.unix.typed import Final, NamedTuple

HEADER: Final = struct.Struct(">3scIQ")
_MOST_LOST: Final = 2048  # octets in one piece of those that are not a record
_KINDS: Final = {letter.encode(): letter for letter in (*GOOD, *FAULTS, SOURCE)}
_LETTERS: Final = {kind: letter for letter, kind in _KINDS.items()}
_SOURCE: Final = SOURCE.encode()
_SENSIBLE = re.compile(rb"HAN[%b]\0\0(?!\0\0)" % b"".join(_KINDS))  # the beginning of a header that makes sense
_LEAST = 8  # octets of it that _SENSIBLE looks at


class Record(NamedTuple):
    """A record: kind and octets as in link/kinds.py, or kind "" with octets that are not a record (a torn file).

    time:   ns since 1970-01-01 UTC, 0 = unknown
    source: the meter, topic or device that the octets came from, "" where only one sends
    """

    kind: str
    octets: bytes
    time: int
    source: str = ""


_made = tuple.__new__  # Record(...), in half the time


def pack_all(events: list[Event], time: int, source: str = "") -> bytes:
    """Write the events that one read completed. source: of their octets, "" where only one sends."""
    if source:
        return b"".join([pack(kind, octets, time, source) for kind, octets in events])
    made = []
    for kind, octets in events:
        if len(octets) <= LONGEST:
            made += [HEADER.pack(b"HAN", _LETTERS[kind], len(octets), time), octets]
        else:
            made.append(pack(kind, octets, time))
    return b"".join(made)


def pack(kind: str, octets: bytes, time: int, source: str = "") -> bytes:
    """Write a record, or several where there are more octets than one holds. source: as in Record."""
    if len(octets) > LONGEST:
        return pack(kind, octets[:LONGEST], time, source) + pack(kind, octets[LONGEST:], time, source)
    before = pack(SOURCE, source.encode()[:LONGEST], time) if source else b""
    return before + HEADER.pack(b"HAN", _LETTERS[kind], len(octets), time) + octets


class RecordReader:
    """Feed it octets in pieces of any size; the records do not depend on the pieces.

    A torn record (a cut file with another one appended) costs only itself: the next header is then inside the octets
    that its length promises. Octets given up may hold such a header too, so the octets that follow decide: if another
    header follows the promised end, or nothing, the record is whole. (Where one or two octets are missing, the octets
    that have arrived since decide: a record is not held back because its last octet may be the H of a header.)
    """

    def __init__(self) -> None:
        self._octets = b""
        self._lost = b""  # octets before them that are not a record
        self._source = ""  # of the next record
        self._named = b""  # the record that names it, which has the same time

    def feed(self, data: bytes) -> list[Record]:
        """Return the records that data completes. b"" means that the input has ended."""
        self._octets += data
        octets, size = self._octets, len(self._octets)
        found: list[Record] = []
        at = 0 if self._lost or self._source else _run(octets, found)
        while at < size:
            end = _end_of_record(octets, at, ended=not data)
            if end is None:
                break
            if end:
                self._report_lost(found)
                self._take(octets[at:end], found)
                at = end
            else:
                following = _SENSIBLE.search(octets, at + 1)
                resume = following.start() if following else max(at + 1, size - _LEAST + 1) if data else size
                self._lose(octets[at:resume], found)
                at = resume
        self._octets = octets[at:]
        if not data:
            self._lose(b"", found)
            self._report_lost(found)
        return found

    def _take(self, record: bytes, found: list[Record]) -> None:
        """Take a whole record, which may name the source of the next one."""
        _, kind, _, time = HEADER.unpack_from(record)
        if kind != _SOURCE:
            if self._named and HEADER.unpack_from(self._named)[3] != time:
                self._lose(b"", found)
                self._report_lost(found)
            found.append(Record(_KINDS[kind], record[HEADER.size :], time, self._source))
            self._source, self._named = "", b""
        elif name := _name(record[HEADER.size :]):
            self._lose(b"", found)
            self._source, self._named = name, record
        else:
            self._lose(record, found)

    def _lose(self, octets: bytes, found: list[Record]) -> None:
        """Keep octets that are not a record, until they are as many as one fault may have or a record follows."""
        self._lost += self._named + octets  # a source whose record did not follow is not a record either
        self._source, self._named = "", b""
        while len(self._lost) >= _MOST_LOST:
            found.append(Record("", self._lost[:_MOST_LOST], 0))
            self._lost = self._lost[_MOST_LOST:]

    def _report_lost(self, found: list[Record]) -> None:
        if self._lost:
            found.append(Record("", self._lost, 0))
            self._lost = b""


def _run(octets: bytes, found: list[Record]) -> int:
    """Read the whole records at the beginning, up to one that holds a header inside: nearly all. Return their end."""
    unpack, header, letter_of, find = HEADER.unpack_from, HEADER.size, _KINDS.get, octets.find
    at, before, size = 0, 0, len(octets)
    last = size - header
    pair, source, named = 0, "", 0  # where a record begins with that of its source, and the time of that
    while at <= last:
        magic, kind, length, time = unpack(octets, at)
        begin = at + header
        end = begin + length
        if magic != b"HAN":
            if not found or source:
                break
            found.pop()  # whether it was whole is not that simple
            return before
        letter = letter_of(kind)
        if not letter or not 0 < length <= LONGEST or end > size or find(b"HAN", at + 1, end) >= 0:
            break
        if letter == SOURCE:
            if source or not (source := _name(octets[begin:end])):
                break
            at, named = end, time
            continue
        if source and named != time:
            break
        found.append(_made(Record, (letter, octets[begin:end], time, source)))
        before, pair, at, source = pair, end, end, ""
    return pair


def _name(octets: bytes) -> str:
    """Return the name of a source, "" if it is not UTF-8."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return ""


def _end_of_record(octets: bytes, at: int, ended: bool) -> int | None:
    """Return where the record at `at` ends; 0 if none begins there; None as long as that is undecided."""
    size = len(octets)
    if size - at < HEADER.size:
        return 0 if ended or not b"HAN".startswith(octets[at : at + 3]) else None
    magic: bytes
    kind: bytes
    length: int
    magic, kind, length, _ = HEADER.unpack_from(octets, at)
    if magic != b"HAN" or kind not in _KINDS or not 0 < length <= LONGEST:
        return 0
    begin = at + HEADER.size
    end = begin + length
    if end > size:
        return 0 if ended else None
    other = _SENSIBLE.search(octets, at + 1, end + _LEAST)
    if other is None or other.start() >= end:
        return end
    if size - end < _LEAST and not ended and other.end() <= end:
        return None
    return end if size == end or _SENSIBLE.match(octets, end) else 0
