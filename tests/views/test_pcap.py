"""han-frame --pcap and wireshark/hanpipe.lua: Wireshark names what han-frame and han-decode name, and never fails."""

import json
import os
import random
import re
import struct
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from conftest import CAPTURES, ROOT, captures
from fake_meters import AUTHENTICATION_KEY, KEY, sent
from hanpipe.apdu.deciphering import Deciphering
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.keys import ANY, Keys, Line
from hanpipe.apdu.message import Message, Telegram
from hanpipe.fake import meters
from hanpipe.link import FRAMERS
from hanpipe.link.kinds import FAULTS, GOOD, Event, Fault, Frame
from hanpipe.link.records import pack_all
from hanpipe.views.parts import link_of, parts_of
from hanpipe.views.pcap import Pcap
from needs import needs
from programs import run
from spoilt import spoilt

LUA = os.path.join(ROOT, "wireshark", "hanpipe.lua")
TIME = 1_769_854_500_250_000_001


class Packet:
    """A packet as tshark shows it. values: of its data, in order, type and show and octets in hex."""

    def __init__(self, element: ElementTree.Element) -> None:
        fields = [one for one in element.iter("field") if one.get("name", "").startswith("hanpipe")]
        self.shown = {one.get("name", "").removeprefix("hanpipe."): one.get("show", "") for one in fields}
        self.hex = {one.get("name", "").removeprefix("hanpipe."): one.get("value", "") for one in fields}
        self.values = [
            (name.removeprefix("hanpipe.data.").replace("_", "-"), one.get("show", ""), one.get("value", ""))
            for one in fields
            if (name := one.get("name", "")).startswith("hanpipe.data.")
        ]
        self.fields = [(one.get("name", "").removeprefix("hanpipe."), one) for one in fields]
        self.experts = [name for name in self.shown if name.startswith("expert")]


def dissected(capture: bytes) -> list[Packet]:
    """Return the packets of a capture file as tshark shows them."""
    command = ["tshark", "-r", "-", "-X", f"lua_script:{LUA}", "-T", "pdml"]
    ran = subprocess.run(command, input=capture, capture_output=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert b"Lua" not in ran.stderr
    assert b"Lua Error" not in ran.stdout
    assert b"Malformed Packet:" not in ran.stdout  # an exception of Wireshark
    return [Packet(one) for one in ElementTree.fromstring(ran.stdout).iter("packet")]


def primitives(data: Any) -> Iterator[tuple[str, Any]]:
    """Yield the types and values of typed JSON that hold no others."""
    ((name, value),) = data.items()
    if name == "compact-array":
        yield (name, None)
        value = value["contents"]
    elif name in ("array", "structure"):
        yield (name, None)
    else:
        yield (name, value)
        return
    for one in value:
        yield from primitives(one)


def agrees(name: str, value: Any, shown: str, octets: str) -> bool:
    """Return whether Wireshark shows a value of typed JSON."""
    if name in ("array", "structure", "compact-array", "null-data", "do-not-care"):
        return True
    if name == "visible-string":
        return octets == value.encode("latin-1").hex()
    if name == "utf8-string":
        return octets in (value.encode().hex(), value)
    if name in ("octet-string", "date-time", "date", "time"):
        return octets == value
    if name == "bit-string":
        return shown == value
    if name in ("float32", "float64"):
        return octets == value or float(shown) == pytest.approx(value, rel=1e-5)
    return int(shown) == int(value)


def escaped(text: str) -> str:
    return re.sub(r"[^ -~]", lambda found: f"\\x{ord(found[0]):02x}", text)


def events_of(octets: bytes, link: str = "auto") -> list[Event]:
    framer = FRAMERS[link]()
    return framer.feed(octets) + framer.feed(b"")


def all_events() -> list[Event]:
    """The events of all captures and of all simulated meters."""
    found: list[Event] = []
    for name in captures():
        with open(os.path.join(CAPTURES, name + ".raw"), "rb") as file, open(f"{CAPTURES}/{name}.json") as about:
            found += events_of(file.read(), "apdu" if json.load(about).get("link") == "apdu" else "auto")
    for name in meters.names():
        for frames, *_ in sent(name, 2):
            found += events_of(b"".join(frames))
    return found


def paired(events: list[Event], packets: list[Packet]) -> Iterator[tuple[Event, Packet, list[Packet]]]:
    """Yield each event with its packet, and the packets of the APDUs that were put together of it."""
    left = packets[::-1]
    for event in events:
        packet, beside = left.pop(), []
        while left and left[-1].shown["kind"] in ("APDU, put together", "P1 telegram, deciphered"):
            beside.append(left.pop())
        yield event, packet, beside
    assert not left


def check_data(messages: list[dict[str, Any]], packet: Packet) -> None:
    """Check that a packet shows all that messages hold."""
    expected = [one for keys in messages for one in primitives(keys["body"])]
    if messages[0]["apdu"] in ("event-notification", "information-report"):
        expected = [one for one in expected[1:] if one[0] != "cosem-attribute-descriptor"]  # that structure has no tag
    assert [name for name, *_ in packet.values] == [name for name, _ in expected]
    for (name, value), (_, show, raw) in zip(expected, packet.values, strict=True):
        assert agrees(name, value, show, raw), (name, value, show, raw)
    if "invoke_id" in messages[0]:
        assert int(packet.shown["apdu.invoke_id"]) == messages[-1]["invoke_id"]
        assert packet.hex.get("apdu.date_time") == messages[-1]["date_time"]
    assert not packet.experts


# A part of han-frame --hex -> the field of Wireshark; a LLC is inside of the information there.
FIELDS = {
    "frame format": "hdlc.format", "destination": "hdlc.destination", "source": "hdlc.source", "HCS": "hdlc.hcs",
    "FCS": "hdlc.fcs", "LLC": "hdlc.llc", "start": "mbus.start", "address": "mbus.address", "CI": "mbus.ci",
    "variable header": "mbus.header", "STSAP": "mbus.source", "DTSAP": "mbus.destination", "checksum": "mbus.checksum",
    "stop": "mbus.stop", "no stop (16)": "mbus.stop",
}  # fmt: skip
OF_LINK = ("control", "length", "information")


def check_parts(kind: str, octets: bytes, packet: Packet) -> None:
    """Check that a packet shows the parts that han-frame --hex shows, with the same verdicts."""
    link = link_of(kind, octets)
    parts = parts_of(kind, octets)
    if link and link.name == "p1" and parts[-1].octets[:1] == b"!" and "CRC" in parts[-1].label:
        found = [one.get("showname", "") for name, one in packet.fields if name == "p1.crc"]
        assert found[-1].endswith(f"({parts[-1].label})")
    if not link or link.name not in ("hdlc", "mbus"):
        return
    llc = b""
    for part in parts:
        if "(cut" in part.label:
            assert "expert.malformed" in packet.experts
            continue
        name, _, meaning = re.split(r"(: |, | (?=good|wrong|differ|\d))", part.label + ", ", maxsplit=1)
        meaning = meaning.removesuffix(", ")
        name = {"lengths": "length"}.get(name, name)
        field = "rest" if name.startswith("after") else f"{link.name}.{name}" if name in OF_LINK else FIELDS[name]
        expected = (llc + part.octets if name == "information" else part.octets).hex()
        llc = part.octets if name == "LLC" else b""
        pieces = [expected[:2]] if field == "mbus.length" else [expected]
        found = [one.get("showname", "") for name, one in packet.fields if name == field and one.get("value") in pieces]
        assert found, (part.label, packet.fields)
        if name in ("HCS", "FCS", "checksum", "control", "address", "CI"):
            assert found[0].endswith(f"({meaning})"), (part.label, found)


def check_addresses(kind: str, keys: dict[str, Any], packet: Packet) -> None:
    for name in ("destination", "source"):
        if name in keys:
            assert packet.hex[f"{'hdlc' if kind == 'H' else 'mbus'}.{name}"] == keys[name]


def check_telegram(keys: dict[str, Any], packet: Packet) -> None:
    """Check that a packet shows the objects of a telegram."""
    assert packet.shown["p1.identification"] == escaped(keys["identification"])
    objects: list[list[str]] = []
    for name, one in packet.fields:
        show = one.get("show", "")
        if name in ("p1.code", "p1.line"):
            objects.append([show])
        elif name == "p1.value":
            objects[-1].append(show)
    expected = [[escaped(text) for text in each] for each in keys["objects"]]
    if any(len(each) == 1 and each[0].count("(") != each[0].count(")") for each in objects):  # a text broken over lines
        assert letters(objects) == letters(expected)
    else:
        assert objects == expected


def letters(objects: list[list[str]]) -> str:
    return re.sub(r"[()]", "", "".join("".join(each) for each in objects))


@pytest.mark.slow
def test_every_frame_is_named_and_every_fault_is_marked() -> None:
    needs("tshark")
    events, decoder = all_events(), Decoder()
    compared = telegrams = faults = 0
    for (kind, octets), packet, beside in paired(events, dissected(Pcap().feed(events, TIME))):
        results = decoder.feed(kind, octets)
        assert ("expert.fault" in packet.experts) == (kind in FAULTS) == ("fault" in packet.shown)
        assert kind in FAULTS or "expert.check" not in packet.experts
        check_parts(kind, octets, packet)
        faults += kind in FAULTS
        messages = [json.loads(one.line()) for one in results if isinstance(one, Message)]
        for result in results:
            keys = messages[0] if isinstance(result, Message) else result.keys
            if kind in "HM" and keys.get("fault") != "segment lost":
                check_addresses(kind, keys, packet)
            if isinstance(result, Telegram):
                check_telegram(result.keys, packet)
                telegrams += 1
        if messages:
            check_data(messages, beside[0] if beside else packet)
            compared += 1
    assert (compared > 300, telegrams > 40, faults > 20) == (True, True, True)


@pytest.mark.slow
def test_a_deciphered_apdu_is_a_packet_of_its_own() -> None:
    needs("tshark", "cryptography")
    ((frames, *_),) = sent(CIPHERED, 1)
    events = events_of(b"".join(frames))
    keys = Deciphering(Keys([Line(ANY, KEY, AUTHENTICATION_KEY)]))
    *_, on_the_line, clear = dissected(Pcap(keys).feed(events, TIME))
    assert on_the_line.shown["apdu"] == "general-glo-ciphering"
    assert "expert.key" in on_the_line.experts
    assert clear.shown["apdu"] == "data-notification"
    assert clear.values


CIPHERED = next(name for name in meters.names() if meters.meter(name).needed and meters.meter(name).link == "hdlc")


def test_times_and_sources_are_in_the_file() -> None:
    needs("tshark")
    capture = Pcap().feed([Frame("A", b"\x0f\0\0\0\1\0\0")], TIME, "haus/7, Keller")
    command = ["tshark", "-r", "-", "-X", f"lua_script:{LUA}", "-T", "fields"]
    for name in ("frame.time_epoch", "frame.comment", "_ws.col.Protocol", "_ws.col.Info"):
        command += ["-e", name]
    ran = subprocess.run(command, input=capture, capture_output=True, timeout=60, text=False)
    assert ran.stdout.decode().rstrip("\n").split("\t") == [
        "1769854500.250000001", "haus/7, Keller", "HAN", "data-notification"
    ]  # fmt: skip


def cut(octets: bytes, mix: random.Random) -> bytes:
    """Cut off the end of octets, every other time."""
    return octets[: mix.choice([len(octets), mix.randrange(len(octets) + 1)])]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_octets_make_the_dissector_fail(seed: int) -> None:
    """Octets that are damaged, under every kind: also such as the framers would never give out."""
    needs("tshark")
    mix = random.Random(seed)
    apdu = encoder.notification({"structure": [{"octet-string": "0100010700ff"}, {"compact-array": PAIRS}]})
    events: list[Event] = [Frame("A", apdu[:end]) for end in range(1, len(apdu))]
    whole = [event for name in meters.names() for frames, *_ in sent(name, 1) for event in events_of(b"".join(frames))]
    for known, octets in whole * 4:
        kind = mix.choice([known, known, *GOOD, *FAULTS])
        events.append((Frame if kind in GOOD else Fault)(kind, cut(spoilt(octets, mix), mix) or b"\0"))
    blocks = Pcap()
    blocks._decoder.open_each = lambda *_: []  # type: ignore[method-assign, assignment, misc]
    packets = dissected(blocks.feed(events, 0))
    assert len(packets) == len(events)
    for (kind, octets), packet in zip(events, packets, strict=True):
        if kind in FAULTS:  # what a good frame never holds, --hex need not name
            check_parts(kind, octets, packet)


PAIRS = {
    "type": {"structure": ["long-unsigned", "enum"]},
    "contents": [{"structure": [{"long-unsigned": number}, {"enum": 27}]} for number in (1, 2)],
}


def blocks_of(capture: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and body of the blocks of a file, by the draft alone."""
    while capture:
        kind, length = struct.unpack_from("<II", capture)
        assert length % 4 == 0
        assert struct.unpack_from("<I", capture, length - 4) == (length,)
        yield kind, capture[8 : length - 4]
        capture = capture[length:]


@given(st.lists(st.tuples(st.sampled_from("HMPAnhct"), st.binary(min_size=1, max_size=30)), max_size=5), st.booleans())
def test_the_file_holds_every_octet(parts: list[tuple[str, bytes]], named: bool) -> None:
    events: list[Event] = [(Frame if kind in GOOD else Fault)(kind, octets) for kind, octets in parts]
    section, interface, *packets = blocks_of(Pcap().feed(events, TIME, "haus/7" if named else ""))
    assert (section[0], interface[0]) == (0x0A0D0D0A, 1)
    found = []
    for kind, body in packets:
        assert kind == 6
        _, high, low, size, _ = struct.unpack_from("<IIIII", body)
        assert high << 32 | low == TIME
        data = body[20 : 20 + size]
        assert data[:16] == b"\0\x0c\0\x08hanpipe\0\0\0\0\0"
        assert (b"haus/7" in body[20 + size :]) == named
        found.append((data[16:17].decode(), data[17:]))
    assert [one for one in found if one[0] not in "ap"] == parts


def test_the_program_writes_it_with_times_and_without_frames_an_empty_file(tmp_path: Any) -> None:
    octets = b"".join(b"".join(frames) for frames, *_ in sent("kaifa", 3))
    ran = run("han-frame", "--pcap", given=octets)
    assert (ran.status, ran.words) == (0, "")
    assert [kind for kind, _ in blocks_of(ran.out)] == [0x0A0D0D0A, 1, 6, 6, 6]
    empty = run("han-frame", "--pcap", given=b"")
    assert [kind for kind, _ in blocks_of(empty.out)] == [0x0A0D0D0A, 1]
    for alone in (["--key-file", "keys"], ["--from-records"]):
        wrong = run("han-frame", *alone)
        assert (wrong.status, f"{alone[0]} is for --pcap" in wrong.words) == (2, True)


def test_records_keep_their_times_and_sources() -> None:
    frame = events_of(b"".join(b"".join(frames) for frames, *_ in sent("kaifa", 1)))
    parts = [(frame, TIME, ""), (frame, TIME + 1, "haus/7"), ([Fault("n", b"HAN?")], TIME + 2, "")]
    given = b"".join(pack_all(*part) for part in parts)
    expected = Pcap()
    assert run("han-frame", "--pcap", "--from-records", given=given).out == b"".join(
        expected.feed(*part) for part in parts
    )
    untimed = Pcap()
    assert run("han-frame", "--pcap", "--from-records", "--no-time", given=given).out == b"".join(
        untimed.feed(events, 0, source) for events, _, source in parts
    )
    empty = run("han-frame", "--pcap", "--from-records", given=b"")
    assert (empty.status, empty.out) == (1, Pcap().feed([], 0))
