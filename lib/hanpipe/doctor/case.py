"""An input, counted by layer; and of its octets a bounded sample, on which hypotheses are tried."""

import functools
import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from hanpipe.apdu.deciphering import Deciphering
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.keys import Keys
from hanpipe.apdu.message import Message, Refusal, Result
from hanpipe.doctor import intake
from hanpipe.doctor.finding import share
from hanpipe.doctor.lists import Lists
from hanpipe.doctor.spans import Spans, read_spans
from hanpipe.link import FRAMERS, Framer
from hanpipe.link.apdu.framer import looks_like_apdu
from hanpipe.link.hextext import HexText
from hanpipe.link.kinds import FAULTS, GOOD, on_line
from hanpipe.link.records import RecordReader
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from hanpipe.readings.reading import Reading
from hanpipe.unix.gunzip import MAGIC, Gunzip
from hanpipe.unix.typed import Any, Final

# In the order in which they are passed; the keys of "counts" that each has are in docs/formats.md.
LAYERS: Final = ("input", "frames", "ciphering", "lists", "times")
CHUNK: Final = 65536  # octets that are kept of the beginning of the input, and of where most of it is damaged
_STEP: Final = 8192  # octets that are framed at once, so that a chunk holds the faults counted for it
_MOST_REFUSED: Final = 64  # ciphered messages that are kept, to try keys on
_MOST_OF_TITLE: Final = 4  # those of one title
_MOST_TITLES: Final = 20_000  # that are counted apart; a hostile input names new ones for ever
_OTHERS: Final = "others"  # in the place of their titles
_TITLE: Final = re.compile('"system_title":"([0-9a-f]*)"')
_WORDS: Final = {word: kind for kind, word in FAULTS.items()}


class Case:
    """Feed it an input in pieces of any size, b"" at its end; then look at what it has counted.

    kind:    of the input, known after its first octets
    sample:  octets as on the line
    begin:   the first octets as they came
    headers: frames whose header is as it should be, and the whole is not
    faults:  words for the faults of han-frame, by their count; refusals: those of han-decode
    refused: ciphered messages that could not be opened, the keys of their lines
    refused_of: how many there are of each fault and system title
    opened:  system titles of messages that were opened
    imitations: what wire.imitate has found in the sample, once it was asked
    """

    def __init__(self, keys: Keys | None = None) -> None:
        """Take the keys of ciphered meters, if there are any."""
        self.keys = keys
        self.kind: intake.Kind | None = None
        self.begin = b""
        self.octets = self.frames = self.headers = self.messages = 0
        self.faults: dict[str, int] = dict.fromkeys(FAULTS.values(), 0)
        self.refusals: dict[str, int] = {}
        self.refused: list[dict[str, Any]] = []
        self.refused_of: Counter[tuple[str, str]] = Counter()
        self.opened: set[str] = set()
        self.lists = Lists()
        self.imitations: Any = None
        self._opened_lines = 0  # of han-decode, from a ciphered message
        self._cut = False  # whether the end of the input cuts a frame
        self._deciphering = Deciphering(keys)
        self._decoder = Decoder(self._deciphering)
        self._naming = Naming()
        self._lines = LineReader(self._naming)
        self._framer: Framer = FRAMERS["auto"]()
        self._records = RecordReader()
        self._gunzip: Gunzip | None = None
        self._hex = HexText()
        self._rest = b""  # of a line, or of the octets whose kind is not known yet
        self._first = bytearray()
        self._worst = (0, b"")
        self._chunk = bytearray()
        self._chunk_faults = 0

    @property
    def bad(self) -> int:
        """The number of frames whose checks failed, or that end too early: not one that the end of the input cuts."""
        bad = sum(self.faults[FAULTS[kind]] for kind in "hct")
        return bad - (self._cut and self.frames > 0)

    @functools.cached_property
    def sample(self) -> bytes:
        """The first octets, and those of the chunk with the most faults; after the end of the input."""
        return bytes(self._first) + self._worst[1]

    @functools.cached_property
    def spans(self) -> Spans:
        """The HDLC or M-Bus frames of the sample, good or bad."""
        return read_spans(self.sample)

    @property
    def checked(self) -> int:
        """The number of frames, good or bad."""
        return self.frames + self.bad

    @property
    def faults_of_link(self) -> int:
        """The number of faults, noise among them."""
        return sum(self.faults[word] for word in FAULTS.values())

    @property
    def bad_share(self) -> float:
        """The share of frames that are bad."""
        return share(self.bad, self.checked)

    def counts(self) -> dict[str, Any]:
        """Return the counters of all layers, with the keys that --stats of the programs use."""
        return {
            "octets": self.octets,
            "frames": self.frames,
            "faults": self.faults | {word: self.faults.get(word, 0) + n for word, n in self.refusals.items()},
            "messages": self.messages,
            "ciphered": self._deciphering.met or self._opened_lines + self._refused_lines(),
            "deciphered": self._deciphering.opened or self._opened_lines,
        } | self.lists.counts()

    def _refused_lines(self) -> int:
        return sum(number for (_, title), number in self.refused_of.items() if title)

    def feed(self, data: bytes) -> None:
        """Take a piece of the input, b"" at its end."""
        if self._gunzip is None and not self.begin and data[:2] == MAGIC:
            self._gunzip = Gunzip()
        ended = not data
        if self._gunzip:
            data = self._gunzip.feed(data)
        if len(self.begin) < intake.ENOUGH:
            self.begin = (self.begin + data)[: intake.ENOUGH]
        if self.kind is None:
            self._rest += data
            if len(self._rest) < intake.ENOUGH and not ended:
                return
            data, self._rest = self._rest, b""
            self.kind = intake.recognise(data)
            if looks_like_apdu(data) and self.kind == intake.OCTETS:
                self._framer = FRAMERS["apdu"]()
        if data:
            self._take(data)
        if ended:
            self._take(b"")
            self._read(self._decoder.end())
            self._keep_chunk()
            self._try_bare()

    def _take(self, data: bytes) -> None:
        if self.kind == intake.RECORDS:
            for kind, octets, time, source in self._records.feed(data):
                self._add_events([(kind or "n", octets, time, source)])
                self._keep(on_line(kind, octets))
        elif self.kind == intake.LINES:
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines if data else [*lines, self._rest]:
                self._add_line(line)
        else:
            octets = self._hex.feed(data) if self.kind == intake.HEX else data
            for at in range(0, len(octets), _STEP):
                self._take_octets(octets[at : at + _STEP])
            if not data:
                self._take_octets(b"")
            data = octets
        self.octets += len(data)

    def _take_octets(self, octets: bytes) -> None:
        self._add_events([(kind, found, 0, "") for kind, found in self._framer.feed(octets)])
        self._keep(octets)

    def _try_bare(self) -> None:
        """Take a short input without a frame for an APDU without a link layer, if it can be read as one."""
        if self.frames or not self.octets == len(self.sample) < intake.ENOUGH:
            return
        results = Decoder().feed("A", self.sample)
        if results and all(isinstance(result, Message) for result in results):
            self.faults = dict.fromkeys(self.faults, 0)
            self.frames = 1
            self._read(results)

    def _keep(self, octets: bytes) -> None:
        """Keep octets for the sample: the first chunk, and the one with the most faults."""
        if len(self._first) < CHUNK:
            self._first += octets
            return
        self._chunk += octets
        if len(self._chunk) >= CHUNK:
            self._keep_chunk()

    def _keep_chunk(self) -> None:
        faults, self._chunk_faults = self.bad - self._chunk_faults, self.bad
        if faults > self._worst[0]:
            self._worst = faults, bytes(self._chunk)
        self._chunk.clear()

    def _add_events(self, events: Iterable[tuple[str, bytes, int, str]]) -> None:
        """Count frames and faults, and read what they hold."""
        for kind, octets, time, source in events:
            if kind in GOOD:
                self.frames += 1
                self._read(self._decoder.feed(kind, octets, time, source))
            else:
                self.faults[FAULTS[kind]] += 1
                self.headers += kind in "ct"
            self._cut = kind == "t"

    def _read(self, results: Iterable[Result]) -> None:
        for result in results:
            if isinstance(result, Refusal):
                self._refuse(result.keys)
                continue
            self.messages += 1
            if isinstance(result, Message):
                self.opened.update(_TITLE.findall(result.envelope))
                self.lists.add(self._naming.reading(result))
            else:
                self.opened.update([result.keys["system_title"]] if "system_title" in result.keys else [])
                self.lists.add(self._naming.telegram(result.keys, result.time))

    def _refuse(self, keys: dict[str, Any]) -> None:
        fault = keys["fault"]
        self.refusals[fault] = self.refusals.get(fault, 0) + 1
        of = fault, str(keys.get("system_title", ""))
        if of not in self.refused_of and len(self.refused_of) >= _MOST_TITLES:
            of = fault, _OTHERS
        self.refused_of[of] += 1
        if "system_title" in keys and self.refused_of[of] <= _MOST_OF_TITLE and len(self.refused) < _MOST_REFUSED:
            self.refused.append(keys)

    def _add_line(self, line: bytes) -> None:
        """Count a line of han-decode."""
        try:
            keys = json.loads(line) if line.strip() else {}
            fault, time = keys.get("fault"), _time_ns(keys.get("time"))
            octets = bytes.fromhex(keys["octets"]) if fault else b""
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            fault, octets, time, keys = "record", line, 0, {"fault": "record"}
        if (kind := _WORDS.get(str(fault))) and "apdu" not in keys:
            self._add_events([(kind, octets, time, "")])
            self._keep(on_line(kind, octets))
        elif fault:
            self.frames += fault != "record"
            self._refuse(keys)
        elif "system_title" in keys:
            if len(self.opened) < _MOST_TITLES:
                self.opened.add(str(keys["system_title"]))
            self._opened_lines += 1
        for plan, values, _ in self._lines.feed(line + b"\n"):
            self.frames += 1
            self.messages += 1
            self.lists.add(Reading(plan, values, time))


def _time_ns(text: str | None) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000) * 1_000_000 if text else 0
