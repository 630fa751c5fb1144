"""Damaged inputs through all stages and all formatters: none may raise, and every output must be valid.

    python3 tests/damage.py [--inputs 1000000] [--seed 1] [--first 0] [--jobs 2]

An input is one to four messages of a simulated meter, damaged on the line, or inside of frames whose checks are then
remade, so that the damage gets as far as it can: octets changed, lost, added or repeated. Each goes

    octets -> every framer -> records -> hex dump, tree, typed JSON, han-doctor's verdict, other names (han-anon)
           -> readings, flat, by codes and as text -> CSV, line protocol, Prometheus, MQTT, P1, periods

and each output is read again: JSON strictly, the others by another reader of the format or by their grammar. The stages
live through BATCH inputs, so that what they remember is tried too. It prints how many inputs gave readings, the slowest
input, and the memory at a tenth of the way and at the end. Exit status: 0: all held; 1: something did not, and how to
repeat it was printed when it happened.
"""

import argparse
import contextlib
import csv
import io
import json
import multiprocessing
import os
import random
import re
import resource
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "lib"))

from fake_meters import AUTHENTICATION_KEY, KEY, sent  # noqa: E402 - tests is where this script is
from hanpipe.anon.rewriting import Capture, Sealed, anonymize  # noqa: E402
from hanpipe.apdu.deciphering import Deciphering  # noqa: E402
from hanpipe.apdu.decoder import Decoder  # noqa: E402
from hanpipe.apdu.keys import ANY, Keys, Line  # noqa: E402
from hanpipe.doctor import causes, report  # noqa: E402
from hanpipe.doctor.case import Case  # noqa: E402
from hanpipe.fake import encoder, meters  # noqa: E402
from hanpipe.link import FRAMERS  # noqa: E402
from hanpipe.link.crc import arc  # noqa: E402
from hanpipe.link.records import pack  # noqa: E402
from hanpipe.periods.calendar import Calendar  # noqa: E402
from hanpipe.periods.every import Every  # noqa: E402
from hanpipe.periods.intervals import Timeline  # noqa: E402
from hanpipe.readings.learn import Learner  # noqa: E402
from hanpipe.readings.naming import Naming  # noqa: E402
from hanpipe.readings.reader import LineReader  # noqa: E402
from hanpipe.sinks.influx.line_protocol import point  # noqa: E402
from hanpipe.sinks.meter_finder import Whose  # noqa: E402
from hanpipe.sinks.mqtt.discovery import Announcer  # noqa: E402
from hanpipe.sinks.mqtt.meters import Meter, MeterFinder  # noqa: E402
from hanpipe.sinks.mqtt.topics import Topics  # noqa: E402
from hanpipe.sinks.p1.telegram import Telegrams, dialects  # noqa: E402
from hanpipe.sinks.prometheus.metrics import Metrics  # noqa: E402
from hanpipe.sinks.readings_in import ReadingReader  # noqa: E402
from hanpipe.sinks.tables.csv import Rows  # noqa: E402
from hanpipe.sinks.tables.table import Columns  # noqa: E402
from hanpipe.views.colour import Colour  # noqa: E402
from hanpipe.views.hexdump import HexDump  # noqa: E402
from hanpipe.views.text import obis_text, text  # noqa: E402
from hanpipe.views.tree import draw  # noqa: E402
from spoilt import spoilt  # noqa: E402

BATCH = 1000  # inputs for which the stages live
MOST_FAILED = 10  # inputs of a process, after which it ends
SLOW = 0.3  # s of CPU time after which an input is timed once more
RARELY = 20  # only so many-th inputs go through what is slow: han-doctor, han-anon, the other framers
TITLE = b"KAM\0\0\0\0\1"
ADDRESS = encoder.Address(b"\x41", b"\x08\x83", 0x13, 0x13)
PLAIN = Colour(on=False)

# A line of Prometheus's text format, and of a topic of MQTT.
SERIES = re.compile(
    r'# (HELP|TYPE) [a-z0-9_]+ [^\n]+|[a-z0-9_]+(\{(,?[a-z_]+="([^"\\\n]|\\[\\"n])*")+\})? -?[0-9]+(\.[0-9]+)?'
)
TOPIC = re.compile(r"(han|ha)(/[\w.:*-]+){2,4}", re.ASCII)


def main() -> int:
    parser = argparse.ArgumentParser(description="Send damaged inputs through all stages and all formatters.")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="others with another seed (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, help="number of the first one (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes (default: one per core)")
    options = parser.parse_args()
    size = -(-options.inputs // options.jobs)
    shares = [
        (options.seed, first, min(size, options.first + options.inputs - first))
        for first in range(options.first, options.first + options.inputs, size)
    ]
    with multiprocessing.Pool(len(shares)) as pool:
        results = pool.starmap(share, shares)
    seconds, number = max(result["slowest"] for result in results)
    done, read, good, failed = (sum(result[name] for result in results) for name in ("done", "read", "good", "failed"))
    print(f"{done:,} inputs: {good:,} with good frames, {read:,} readings, {failed} failures")
    print(f"slowest: input {number} of seed {options.seed}, {seconds:.2f} s of CPU time")
    for result in results:
        print("memory: {:.1f} MiB after a tenth, {:.1f} MiB at the end".format(*result["memory"]))
    return 1 if failed else 0


def share(seed: int, first: int, count: int) -> dict:
    """Try a share of the inputs; return what became of them. It prints each failure, and ends after MOST_FAILED."""
    samples, stages, begin = Samples(), Stages(), first
    result = {"failed": 0, "slowest": (0.0, first), "done": 0, "memory": [0.0, 0.0]}
    read = good = 0
    for number in range(first, first + count):
        if number - begin == BATCH:
            read, good, stages, begin = read + stages.read, good + stages.good, Stages(), number
        if number - first == count // 10:
            result["memory"][0] = memory()
        octets = samples.damaged(random.Random(f"{seed} {number}"))
        try:
            seconds = timed(stages, octets, number)
        except Exception:
            print(
                f"{traceback.format_exc()}input {number}: {octets.hex()}\n"
                f"repeat: tests/damage.py --seed {seed} --first {begin} --inputs {number - begin + 1} --jobs 1\n",
                flush=True,
            )
            result["failed"] += 1
            if result["failed"] == MOST_FAILED:
                break
            read, good, stages, begin = read + stages.read, good + stages.good, Stages(), number + 1
            continue
        if seconds > SLOW:
            seconds = min(seconds, time_again(samples, seed, begin, number))
        result["slowest"] = max(result["slowest"], (seconds, number))
        result["done"] += 1
    result["memory"][1] = memory()
    return result | {"read": read + stages.read, "good": good + stages.good}


def timed(stages: "Stages", octets: bytes, number: int) -> float:
    """Send an input through everything; return the CPU time, s."""
    at = time.process_time()
    stages.feed(octets, thorough=number % RARELY == 0)
    return time.process_time() - at


def time_again(samples: "Samples", seed: int, begin: int, number: int) -> float:
    """Return the CPU time of an input, s, measured once more after what its stages had had before it.

    A virtual machine counts what its host took away as CPU time of whoever ran, which may be a second.
    """
    stages = Stages()
    for before in range(begin, number):
        stages.feed(samples.damaged(random.Random(f"{seed} {before}")), thorough=before % RARELY == 0)
    return timed(stages, samples.damaged(random.Random(f"{seed} {number}")), number)


def memory() -> float:
    """Return the resident memory of this process, MiB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / (1 << 20)


class Samples:
    """Messages of every simulated meter, on the line and bare."""

    def __init__(self) -> None:
        names = sorted(meters.names())
        self._lines = [b"".join(b"".join(frames) for frames, *_ in sent(name, 4)) for name in names]
        framed, ciphered = meters.Meter._framed, encoder.ciphered
        meters.Meter._framed, encoder.ciphered = (lambda self, octets: [octets]), (lambda octets, *_: octets)
        try:
            bare = [frames[0] for name in names for frames, *_ in sent(name, 4)]
        finally:
            meters.Meter._framed, encoder.ciphered = framed, ciphered
        self._apdus = [octets for octets in bare if octets[:1] != b"/"]
        self._telegrams = [octets.rpartition(b"!")[0] + b"!" for octets in bare if octets[:1] == b"/"]
        self._counter = 0

    def damaged(self, chance: random.Random) -> bytes:
        """Return a damaged input."""
        kind = chance.randrange(5)
        if kind == 0:
            return spoilt(chance.choice(self._lines), chance)
        if kind == 1:
            body = spoilt(chance.choice(self._telegrams), chance)
            return body + b"%04X\r\n" % arc(body)
        apdu = spoilt(chance.choice(self._apdus), chance)[:2000] or b"\0"
        if kind == 2:
            return b"".join(encoder.mbus(apdu, chance.choice((255, 60))))
        if kind == 3:
            self._counter += 1
            apdu = encoder.ciphered(apdu, encoder.Security(TITLE, 0x30, KEY, AUTHENTICATION_KEY), self._counter)
        parts = encoder.segments(b"\xe6\xe7\x00" + apdu, chance.choice((100, 500, 2040)), ADDRESS)
        return b"".join(b"\x7e" + part + b"\x7e" for part in parts)


class Stages:
    """All stages and formatters, as the programs hold them. read: readings so far; good: inputs with a good frame."""

    def __init__(self) -> None:
        self.read = self.good = 0
        keys = Keys([Line(ANY, KEY, AUTHENTICATION_KEY)])
        self._keys = keys
        self._decoder, self._tree = Decoder(Deciphering(keys)), Decoder(Deciphering(keys))
        self._reader, self._lines = LineReader(Naming()), LineReader(Naming())
        self._learner = Learner()
        self._metrics, self._whose, self._finder = Metrics(300), Whose(lambda words: None), MeterFinder(None)
        self._topics = [
            Topics("han", announcer, whole=True, retain=True, one_topic=one)
            for one in (False, True)
            for announcer in [Announcer("ha", "han/status", by_device=one, one_topic=one)]
        ]
        self._telegrams = [Telegrams(dialect, arc) for dialect in dialects().values()]
        self._every, self._timeline = Every(Calendar("1m")), Timeline()

    def feed(self, octets: bytes, *, thorough: bool) -> None:
        """Send an input through everything. raise: AssertionError: an output is not valid."""
        framer, dump = FRAMERS["auto"](), HexDump(PLAIN)
        events = [*framer.feed(octets), *framer.feed(b"")]
        assert b"".join(part for _, part in events).replace(b"\x7e", b"") == octets.replace(b"\x7e", b"")
        self.good += any(kind.isupper() for kind, _ in events)
        assert printable(dump.feed(octets, events))
        for kind, part in events:
            assert pack(kind, part, 1)[:4] == b"HAN" + kind.encode()
            for opened in self._tree.opener.open(kind, part):
                assert printable(draw(opened, PLAIN))
        typed = [one.line() for event in events for one in self._decoder.feed(*event)]
        typed += [one.line() for one in self._decoder.end()]
        for line in typed:
            assert isinstance(strict(line), dict)
        data = "".join(f"{line}\n" for line in typed).encode()
        self._learner.feed(data)
        flat = self._lines.lines(data)
        for plan, values, front in self._reader.feed(data):
            assert isinstance(strict(plan.obis_line(values, front)), dict)
            assert printable(text(plan, values) + obis_text(plan, values))
        assert self._reader.wrong == 0
        self._format("".join(f"{line}\n" for line in flat).encode())
        if thorough:
            self._examine(octets)

    def _examine(self, octets: bytes) -> None:
        """Send an input through what is slow."""
        for link, make in FRAMERS.items():
            framer = make()
            parts = b"".join(part for _, part in [*framer.feed(octets), *framer.feed(b"")])
            assert link == "escaped" or parts.replace(b"\x7e", b"") == octets.replace(b"\x7e", b"")
        case = Case(self._keys)
        case.feed(octets)
        case.feed(b"")
        found = causes.findings(case)
        strict(json.dumps(report.as_json(case, found)))
        assert printable(report.as_text(case, found, "x", None))
        with contextlib.suppress(Sealed):
            anonymize(Capture(octets, self._keys), "seed")
        proposal = self._learner.proposal()
        assert printable(proposal)

    def _format(self, octets: bytes) -> None:
        """Send readings through the sinks' formats."""
        reader = ReadingReader()
        lines = reader.feed(octets) + reader.feed(b"")
        self.read += reader.readings
        for line in lines:  # the sinks refuse numbers of more than 31 digits, which a damaged scaler makes
            assert isinstance(strict(line.octets), dict)
            assert line.reading is not None or re.search(rb"[0-9.]{31}|[eE]", line.octets)
        lines = [line for line in lines if line.reading is not None]
        columns = Columns()
        columns.add_all(lines)
        if columns.names():
            rows = Rows(columns.names(), lambda words: None)
            table = list(csv.reader(io.StringIO((rows.header() + rows.rows(lines)).decode(), newline="")))
            assert [len(row) for row in table] == [len(columns.names())] * (1 + len(lines))
        for line in lines:
            reading = line.reading
            meter = self._whose.of(reading)
            self._protocol(point("han", meter, reading))
            self._metrics.take(reading, meter, 0)
            at = self._timeline.of(reading)
            for telegrams in self._telegrams:
                telegrams.add(reading, at)
                self._telegram(telegrams.telegram(at))
            for period in self._every.add(reading, at):
                assert isinstance(strict(json.dumps(period, default=float)), dict)
            for one, of in self._finder.feed(line):
                self._publish(one, of)
        if lines:
            written = self._metrics.text(0).encode(errors="replace").decode()
            assert all(map(SERIES.fullmatch, written.split("\n")[:-1]))

    def _protocol(self, line: str) -> None:
        from line_protocol_parser import parse_line

        assert not line or parse_line(line)["fields"]

    def _telegram(self, octets: bytes) -> None:
        framer = FRAMERS["p1"]()
        ((kind, _),) = [*framer.feed(octets), *framer.feed(b"")]
        assert kind == "P"

    def _publish(self, line: object, meter: Meter | None) -> None:
        if meter is not None:
            for topics in self._topics:
                for message in [one for some in topics.messages(line, meter) for one in some]:
                    assert TOPIC.fullmatch(message.topic), message.topic
                    message.payload.decode()
                    if message.topic.endswith(("/config", "/state", "/reading")):
                        assert isinstance(strict(message.payload), dict)


def strict(octets: str | bytes) -> object:
    """Read JSON that has no NaN."""
    return json.loads(octets, parse_constant=refuse)


def refuse(word: str) -> None:
    raise AssertionError(f"{word} in JSON")


def printable(shown: str) -> bool:
    """Return whether text controls no terminal."""
    return shown.replace("\n", "").isprintable()


if __name__ == "__main__":
    sys.exit(main())
