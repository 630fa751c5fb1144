"""views/: what people see, held to the octets that it is made of."""

import os
import pty
import re
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import encoder
from conftest import ROOT
from encoder import Typed
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.message import Apdu, Message, Refusal, Telegram
from hanpipe.link import FRAMERS, Event, Fault, Frame
from hanpipe.link.crc import arc
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from hanpipe.readings.reading import Reading
from hanpipe.readings.values import Fixed, scaled
from hanpipe.views.colour import Colour, colour_of_stdout
from hanpipe.views.hexdump import HexDump
from hanpipe.views.parts import parts_of
from hanpipe.views.text import obis_text, text
from hanpipe.views.tree import draw, refusal, telegram, tree
from strategies import cuts, described_bodies, in_pieces, streams, typed_data

PLAIN = Colour(on=False)
FLAG = b"\x7e"

POWER: Typed = {
    "structure": [
        {"octet-string": "0100010700ff"},
        {"double-long-unsigned": 280},
        {"structure": [{"integer": 0}, {"enum": 27}]},
    ]
}
CURRENT: Typed = {
    "structure": [
        {"octet-string": "01001f0700ff"},
        {"long": 39},
        {"structure": [{"integer": -1}, {"enum": 33}]},
    ]
}
VERSION: Typed = {"structure": [{"octet-string": "0101000281ff"}, {"visible-string": "AIDON_V0001"}]}
METER: Typed = {"structure": [{"octet-string": "0000600100ff"}, {"visible-string": "7359990000000001"}]}
LIST_1 = encoder.pushed(encoder.notification({"array": [POWER]}))
LIST_2 = encoder.pushed(encoder.notification({"array": [VERSION, METER, POWER, CURRENT]}))


def dumped(line: bytes, link: str = "hdlc", sizes: list[int] | None = None, colour: Colour = PLAIN) -> str:
    """Dump a line as han-frame --hex does."""
    framer, dump = FRAMERS[link](), HexDump(colour)
    return "".join(dump.feed(piece, framer.feed(piece)) for piece in [*in_pieces(line, sizes or []), b""])


def dump_of(*events: Event) -> str:
    return HexDump(PLAIN).feed(b"".join(event.octets for event in events), list(events))


def read_back(dump: str) -> tuple[dict[int, int], int]:
    """Read a dump: the octet at each offset, and how many were folded away."""
    found: dict[int, int] = {}
    folded = 0
    for block in dump.split("\n\n"):
        head, *rows = block.split("\n")
        lines = [(int(row[:offset], 16), row[offset + 2 :]) for row in rows if (offset := row.find("  ")) > 0]
        folded += sum(int(row.split()[1].replace(",", "")) for row in rows if row.startswith("      ... "))
        if not head:
            continue
        end = int(re.findall(r"octets \d+-(\d+)", head)[0]) + 1
        for (begin, result), following in zip(lines, [*(at for at, _ in lines[1:]), end], strict=True):
            octets = (
                text_octets(result, following - begin) if "  p1" in head else bytes.fromhex(result[:47].split("  ")[0])
            )
            found |= dict(enumerate(octets, begin))
    return found, folded


def text_octets(result: str, size: int) -> bytes:
    """Read a row of a telegram; CR LF at its end is not shown, the verdict of the CRC after it is."""
    result = re.sub("  +(no CRC|CRC |7 bits).*", "", result)
    plain = re.sub(r"\\x(..)", lambda escaped: chr(int(escaped[1], 16)), result).encode("latin-1")
    return plain + b"\r\n" if len(plain) == size - 2 else plain


def assert_complete(dump: str, line: bytes) -> None:
    found, folded = read_back(dump)
    assert {at: line[at] for at in found} == found
    assert len(found) + folded == len(line)
    assert max(map(len, dump.split("\n"))) <= 80


# --- han-frame --hex ---


def test_a_frame_is_drawn_as_the_design_draws_it() -> None:
    assert dumped(FLAG + LIST_1 + FLAG) == (
        "frame 1  octets 0-43  hdlc  good\n"
        "0000  7e                       flag\n"
        "0001  a0 2a                    frame format: type 3, length 42\n"
        "0003  41                       destination\n"
        "0004  08 83                    source\n"
        "0006  13                       control: UI, final\n"
        "0007  04 13                    HCS good\n"
        "0009  e6 e7 00                 LLC\n"
        "000c  0f 40 00 00 00 00 01 01  information, 29 octets\n"
        "0014  02 03 09 06 01 00 01 07\n"
        "001c  00 ff 06 00 00 01 18 02\n"
        "0024  02 0f 00 16 1b\n"
        f"0029  {LIST_1[-2:].hex(' ')}                    FCS good\n"
        "002b  7e                       flag\n\n"
    )


def test_every_octet_of_a_capture_is_at_its_offset(capture: bytes) -> None:
    for link in ("auto", "hdlc", "mbus", "p1", "apdu", "escaped"):
        dump = dumped(capture, link)
        if "7 bits with parity" not in dump:
            found, folded = read_back(dump)
            found = {at: octet for at, octet in found.items() if link != "escaped" or capture[at] != 0x7D}
            assert {at: capture[at] for at in found} == found
            assert link == "escaped" or len(found) + folded == len(capture)
        assert max(map(len, dump.split("\n"))) <= 80


@given(streams(), cuts())
def test_every_octet_of_a_line_is_at_its_offset_however_it_comes(line: bytes, sizes: list[int]) -> None:
    dump = dumped(line)
    assert_complete(dump, line)
    assert dumped(line, sizes=sizes) == dump


def test_flags_stand_where_they_are() -> None:
    line = FLAG + LIST_1 + FLAG + LIST_1 + FLAG * 3 + LIST_1 + FLAG * 2
    rows = [row for row in dumped(line).split("\n") if "flag" in row or row.startswith(("frame", "idle"))]
    assert rows == [
        "frame 1  octets 0-43  hdlc  good",
        "0000  7e                       flag",
        "002b  7e                       flag",
        "frame 2  octets 44-86  hdlc  good",  # the flag before it is the one after frame 1
        "0056  7e                       flag",
        "frame 3  octets 87-131  hdlc  good",
        "0057  7e 7e                    2 flags",
        "0083  7e                       flag",
        "idle  octets 132-132",
        "0084  7e                       flag",
    ]


def test_a_line_may_idle_for_ever() -> None:
    framer, dump = FRAMERS["hdlc"](), HexDump(PLAIN)
    result = "".join(dump.feed(FLAG * 65536, framer.feed(FLAG * 65536)) for _ in range(100))
    assert result == ""
    assert len(dump._octets) <= 1
    assert dump.feed(LIST_1 + FLAG, framer.feed(LIST_1 + FLAG)).startswith(
        "frame 1  octets 0-6553642  hdlc  good\n"
        "0000  7e 7e 7e 7e 7e 7e 7e 7e  6,553,600 flags\n      ... 6,553,592 more\n640000  a0 2a "
    )


def test_a_wrong_fcs_is_shown_beside_the_right_one() -> None:
    wrong = LIST_1[:-2] + b"\x12\xab"
    expected = int.from_bytes(LIST_1[-2:], "little")
    dump = dumped(FLAG + wrong + FLAG)
    assert dump.startswith("fault 1  octets 0-43  hdlc  frame check\n")
    assert f"0029  12 ab                    FCS wrong: found ab12, expected {expected:04x}\n" in dump


def test_a_wrong_hcs_is_shown_beside_the_right_one() -> None:
    expected = int.from_bytes(LIST_1[6:8], "little")
    dump = dumped(FLAG + LIST_1[:6] + b"\0\0" + LIST_1[8:] + FLAG)
    assert dump.startswith("fault 1  octets 0-43  hdlc  header\n")
    assert f"0007  00 00                    HCS wrong: found 0000, expected {expected:04x}\n" in dump
    assert "information, 29 octets" in dump


def test_a_cut_frame_says_where() -> None:
    dump = dumped(FLAG + LIST_1[:20] + FLAG + LIST_1 + FLAG)
    assert dump.startswith("fault 1  octets 0-20  hdlc  truncated: announced 42, 20 there\n")
    assert "000c  0f 40 00 00 00 00 01 01  information, 9 of 29 octets\n" in dump


@pytest.mark.parametrize(
    ("control", "words"), [(0x03, "UI"), (0x10, "I 0, next 0, final"), (0x31, "RR 1, final"), (0x73, "UA, final")]
)
def test_a_control_field_is_named(control: int, words: str) -> None:
    assert f"control: {words}\n" in dump_of(Frame("H", encoder.frame(b"\1", control=control)))


def test_a_frame_without_information_has_no_hcs() -> None:
    dump = dump_of(Frame("H", encoder.frame(b"", segmented=True)))
    assert "HCS" not in dump
    assert "FCS good" in dump
    assert "frame format: type 3, length 8, segmented" in dump


def test_stuffed_octets_keep_their_offsets() -> None:
    apdu = encoder.notification({"octet-string": "007d7e01"})
    frame = encoder.pushed(apdu)
    stuffed = re.sub(rb"[\x7d\x7e]", lambda octet: bytes([0x7D, octet[0][0] ^ 0x20]), frame)
    dump = dumped(FLAG + stuffed + FLAG + LIST_1 + FLAG, "escaped")
    assert "FCS good" in dump
    assert f"frame 2  octets {len(stuffed) + 2}-{len(stuffed) + 2 + len(LIST_1)}  hdlc" in dump


def mbus(data: bytes, ci: int = 0x10) -> bytes:
    body = bytes([0x53, 0xFF, ci, 0x01, 0x67]) + data
    return bytes([0x68, len(body) & 0xFF, len(body) & 0xFF, 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


def test_an_mbus_frame_is_named_field_by_field() -> None:
    frame = mbus(b"\xdb\x08", ci=0x11)
    assert dump_of(Frame("M", frame)) == (
        "frame 1  octets 0-12  mbus  good\n"
        "0000  68                       start\n"
        "0001  07 07                    length 7\n"
        "0003  68                       start\n"
        "0004  53                       control: SND_UD\n"
        "0005  ff                       address: broadcast\n"
        "0006  11                       CI: segment 1, the last\n"
        "0007  01                       STSAP\n"
        "0008  67                       DTSAP\n"
        "0009  db 08                    information, 2 octets\n"
        f"000b  {frame[-2]:02x}                       checksum good\n"
        "000c  16                       stop\n\n"
    )


def test_mbus_faults_are_named_as_far_as_they_go() -> None:
    frame = mbus(bytes(100), ci=0)
    right = frame[-2]
    wrong = frame[:-2] + bytes([right ^ 1, 0x16])
    assert f"checksum wrong: found {right ^ 1:02x}, expected {right:02x}" in dump_of(Fault("c", wrong))
    cut = dump_of(Fault("t", frame[:50]))
    assert "mbus  truncated: announced 111, 50 there" in cut
    assert "CI: segment 0, more follow" in cut
    assert "information, 41 of 100 octets" in cut


def test_an_mbus_length_modulo_256_is_understood() -> None:
    dump = dump_of(Frame("M", mbus(bytes(252))))
    assert "0001  01 01                    length 257" in dump
    assert "checksum good" in dump


def p1(*objects: bytes) -> bytes:
    body = b"\r\n".join([b"/ABC5test", b"", *objects, b"!"])
    return body + b"%04X\r\n" % arc(body)


def test_a_telegram_is_shown_line_by_line_with_the_verdict_of_its_crc() -> None:
    good = p1(b"1-0:1.7.0(0000.280*kW)", b"0-0:96.13.0(\xe6\\x)")
    assert dump_of(Frame("P", good)) == (
        f"frame 1  octets 0-{len(good) - 1}  p1  good\n"
        "0000  /ABC5test\n"
        "000b  \n"
        "000d  1-0:1.7.0(0000.280*kW)\n"
        "0025  0-0:96.13.0(\\xe6\\x5cx)\n"
        f"0037  !{good[-6:-2].decode()}                    CRC good\n\n"
    )
    wrong = good[:-6] + b"0001\r\n"
    assert f"CRC wrong: found 0001, expected {good[-6:-2].decode()}" in dump_of(Fault("c", wrong))
    assert "no CRC" in dump_of(Frame("P", b"/ABC5\r\n\r\n1-0:1.7.0(1*kW)\r\n!\r\n"))


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_every_octet_of_a_telegram_is_at_its_offset(objects: list[bytes]) -> None:
    octets = p1(*objects)
    for event in (Frame("P", octets), Fault("t", octets[: len(octets) // 2 + 1])):
        assert_complete(dump_of(event), event.octets)


def test_noise_is_folded_after_16_lines() -> None:
    rows = dump_of(Fault("n", bytes(range(256)) * 16)).split("\n")
    assert rows[0] == "fault 1  octets 0-4095  noise"
    assert rows[5] == "0040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO"
    assert rows[17:] == ["      ... 3,840 more", "", ""]


@given(st.sampled_from("HMPAnhct"), st.sampled_from([b"", b"\xa0\x2a", b"h\x09\x09h", b"/ABC5"]), st.binary(min_size=1))
def test_parts_hold_all_octets_whatever_they_are(kind: str, front: bytes, rest: bytes) -> None:
    octets = front + rest
    parts = b"".join(part.octets for part in parts_of(kind, octets))
    assert parts == octets or bytes(octet & 0x7F for octet in octets) == parts


def test_colour_changes_nothing_else() -> None:
    line = b"noise" * 100 + FLAG * 20 + LIST_1 + FLAG + LIST_2[:-1] + FLAG + LIST_1[:20] + FLAG
    assert re.sub(r"\x1b\[\d*m", "", dumped(line, colour=Colour(on=True))) == dumped(line)


# --- han-decode --tree ---


def rows_of(drawn: str) -> list[str]:
    """Return the rows of a tree that begin with an offset."""
    return re.findall(r"^ *\d+ +\d+  .*", drawn, re.MULTILINE)


def pushed(apdu: bytes) -> Apdu:
    frame = encoder.pushed(apdu)
    (opened,) = Decoder().opener.open("H", frame)
    assert isinstance(opened, Apdu)
    assert opened.frame == frame
    return opened


def test_a_tree_is_drawn_as_the_design_draws_it() -> None:
    assert tree(pushed(encoder.notification({"array": [POWER]})), PLAIN) == (
        "data-notification  hdlc 41 < 0883  invoke-id 0x40000000  no time\n"
        "  17  21  array 1\n"
        "  19  19    structure 3\n"
        "  21  11      octet-string 6        0100010700ff  1-0:1.7.0 act_pow_pos\n"
        "  29   6      double-long-unsigned  280           280 W\n"
        "  34   4      structure 2\n"
        "  36   2        integer             0             scaler: x 1\n"
        "  38   0        enum                27            unit: W\n\n"
    )


def test_offsets_are_those_of_the_apdu_where_no_frame_alone_carries_it() -> None:
    apdu = encoder.notification({"array": [POWER]})
    assert rows_of(tree(Apdu(0, {"link": "apdu"}, apdu), PLAIN))[0] == "   6  21  array 1"


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ({"octet-string": "0000010000ff"}, "0-0:1.0.0 date_time"),
        ({"octet-string": "0100200700ff"}, r"1-0:32.7.0 volt_L1 \(V\)$"),
        ({"octet-string": "0100636300ff"}, "1-0:99.99.0 unknown code"),
        ({"octet-string": "4b464d5f303031"}, "KFM_001  *text"),
        ({"octet-string": "07e60a1e07103b0bff800080"}, "2022-10-30T16:59:11, Sunday, daylight saving"),
        ({"octet-string": "ffffffffffffffffffffffff"}, "not set"),
        ({"date-time": "07e60a1e07103b0bffffc4ff"}, r"2022-10-30T16:59:11\+01:00, Sunday$"),
        ({"date": "07e60a1e07"}, "date 2022-10-30"),
        ({"time": "103b0bff"}, "time 16:59:11"),
        ({"visible-string": "a\tb\x9b"}, r"a\\tb\\x9b$"),
        ({"bit-string": "10110"}, "bit-string 5 .*10110"),
        ({"boolean": 1}, "true"),
        ({"float32": "7fc00000"}, "nan .*no number"),
        ({"structure": [{"integer": 1}, {"enum": 30}]}, r"scaler: x 10\n.*unit: Wh"),
        ({"structure": [{"integer": -1}, {"enum": 255}]}, r"scaler: x 0\.1\n.*unit: none"),
        ({"structure": [{"integer": 0}, {"enum": 99}]}, r"scaler: x 1\n.*unit: unknown code"),
        ({"array": [CURRENT]}, r"39 +3\.9 A"),
        (
            {"compact-array": {"type": {"structure": ["long", "enum"]},
                               "contents": [{"structure": [{"long": -2}, {"enum": 1}]}]}},
            r"compact-array 1 +of structure\(long, enum\)\n.*structure 2\n.*long +-2\n.*enum +1",
        ),
    ],
)  # fmt: skip
def test_an_element_says_what_it_means(element: Typed, words: str) -> None:
    drawn = tree(pushed(encoder.notification(element)), PLAIN)
    assert re.search(words, drawn, re.MULTILINE), drawn


def test_values_of_a_push_list_are_named_by_its_objects() -> None:
    member = [{"long-unsigned": 3}, {"octet-string": "0100010700ff"}, {"integer": 2}, {"long-unsigned": 0}]
    body: Typed = {"structure": [{"array": [{"structure": member}]}, {"double-long-unsigned": 280}]}
    drawn = rows_of(tree(pushed(encoder.notification(body)), PLAIN))
    assert re.search("long-unsigned +3 +class-id: register", drawn[3])
    assert re.search(r"double-long-unsigned +280 +1-0:1\.7\.0 act_pow_pos \(W\)", drawn[-1])


def count(typed: Typed) -> int:
    ((name, value),) = typed.items()
    inner = value["contents"] if name == "compact-array" else value if isinstance(value, list) else []
    return 1 + sum(map(count, inner))


@given(typed_data() | described_bodies())
def test_a_tree_has_a_row_for_each_element(body: Typed) -> None:
    drawn = tree(pushed(encoder.notification(body)), PLAIN)
    assert len(rows_of(drawn)) == count(body)
    assert rows_of(drawn)[-1].split()[1] == "0"  # nothing is left after the last one


WHOLE = encoder.notification(
    {"structure": [VERSION, POWER, {"array": [CURRENT, {"bit-string": "10110"}]}]}, 1, bytes(12)
)
ADDRESS: Typed = {"cosem-attribute-descriptor": {"class_id": 3, "logical_name": "0100010700ff", "attribute_id": 2}}
DESCRIBED = encoder.notification(
    {"structure": [{"enum": 1}, {"array": [{"structure": [ADDRESS, {"long": 7}]}, {"structure": [ADDRESS, POWER]}]}]}
)


def test_a_descriptor_is_drawn_with_its_code() -> None:
    drawn = tree(Apdu(0, {"link": "apdu"}, DESCRIBED), PLAIN)
    assert re.search(r"cosem-attribute-descriptor +3 0100010700ff 2\n +1-0:1\.7\.0 act_pow_pos \(W\)", drawn)


@given(st.sampled_from([WHOLE, DESCRIBED]), st.integers(1, 200), st.integers(1, 200), st.integers(0, 255))
def test_a_malformed_apdu_shows_what_is_in_front_of_its_fault(whole: bytes, size: int, at: int, octet: int) -> None:
    apdu = (whole[:at] + bytes([octet]) + whole[at + 1 :])[:size]
    result, *_ = Decoder(descriptors=True).feed("H", encoder.pushed(apdu))
    drawn = draw(Apdu(0, {"link": "apdu"}, apdu), PLAIN)
    if isinstance(result, Refusal) and result.keys["fault"] == "apdu":
        assert result.keys["detail"] in drawn
        assert all(int(row.split()[0]) < result.keys["offset"] for row in rows_of(drawn))


def test_a_fault_stands_behind_what_could_be_read() -> None:
    apdu = bytearray(encoder.notification({"array": [POWER, CURRENT]}))
    apdu[apdu.index(b"\x10\x00\x27")] = 0x63  # the type of the current
    drawn = tree(pushed(bytes(apdu)), PLAIN).split("\n")
    assert "1-0:31.7.0 curr_L1" in drawn[-5]
    assert drawn[-4] == "  50  unknown data type 63"
    assert drawn[-3].split() == ["63", "00", "27", "02", "02", "0f", "ff", "16", "21"]


def test_another_apdu_is_named_by_its_tag() -> None:
    drawn = tree(Apdu(0, {"link": "apdu"}, b"\xc4\x01\x02"), PLAIN)
    assert drawn == "APDU c4  apdu  3 octets\n   0  expected a data-notification (0f), found c4\n      c4 01 02\n\n"


def test_a_message_without_a_key_is_drawn_as_the_design_draws_it() -> None:
    keys = {"link": "hdlc", "destination": "41", "source": "0313", "apdu": "general-glo-ciphering"}
    keys |= {"system_title": "4b414d4500000001", "fault": "no key", "octets": "db08"}
    assert refusal(Refusal(0, keys | {"invocation_counter": 5273}), PLAIN) == (
        "general-glo-ciphering  hdlc 41 < 0313  title KAM 4500000001  counter 5273\n"
        "  no key for this title: add a line to the key file (--key-file)\n\n"
    )


def test_a_fault_of_the_link_says_what_to_do() -> None:
    (result,) = Decoder().opener.open("c", LIST_2[:-1] + b"\0")
    assert isinstance(result, Refusal)
    lines = refusal(result, PLAIN).split("\n")
    assert lines[0] == f"frame check  hdlc  {len(LIST_2)} octets"
    assert "--hex" in lines[1]
    assert lines[2] == f"  {LIST_2[:16].hex(' ')}  ... {len(LIST_2) - 16} more"


def test_a_telegram_is_drawn_object_by_object() -> None:
    (result,) = Decoder().opener.open("P", p1(b"1-0:1.7.0(0000.280*kW)", b"0-1:24.2.1(261122111500W)(00012.345*m3)"))
    assert isinstance(result, Telegram)
    lines = telegram(result, PLAIN).split("\n")
    assert lines[0] == "telegram  p1  /ABC5test"
    assert lines[1].split() == ["1-0:1.7.0", "(0000.280*kW)", "act_pow_pos"]
    assert "(261122111500W) (00012.345*m3)" in lines[2]


def test_trees_of_captures_fit_the_screen(capture: bytes) -> None:
    framer, decoder = FRAMERS["auto"](), Decoder()
    for event in framer.feed(capture) + framer.feed(b""):
        for result in decoder.opener.open(*event):
            drawn = draw(result, PLAIN)
            assert max(map(len, drawn.split("\n"))) <= 80
            assert drawn.endswith("\n\n")


# --- han-fields --text ---


def reading_of(*elements: Typed) -> tuple[Reading, Naming]:
    naming = Naming()
    (message,) = Decoder().feed("H", encoder.pushed(encoder.notification({"array": list(elements)})))
    assert isinstance(message, Message)
    return naming.reading(message), naming


def test_a_reading_is_lines_sorted_by_name() -> None:
    reading, _ = reading_of(VERSION, METER, POWER, CURRENT)
    assert text(reading.plan, reading.holes) == (
        "act_pow_pos = 280\n"
        "curr_L1 = 3.9\n"
        "meter_ID = 7359990000000001\n"
        "meter_maker = Aidon\n"
        "obis_list_version = AIDON_V0001\n"
    )  # fmt: skip


def test_a_line_of_han_decode_gives_the_same_text() -> None:
    reading, naming = reading_of(VERSION, POWER, CURRENT)
    (message,) = Decoder().feed("H", encoder.pushed(encoder.notification({"array": [VERSION, POWER, CURRENT]})), 10**18)
    ((plan, values, _),) = LineReader(naming).feed(message.line().encode() + b"\n")
    assert text(plan, values) == text(reading.plan, reading.holes)


def test_codes_names_and_units_are_aligned() -> None:
    reading, _ = reading_of(VERSION, POWER, CURRENT, {"structure": [{"octet-string": "0100636300ff"}, {"enum": 2}]})
    assert obis_text(reading.plan, reading.holes) == (
        "1-1:0.2.129  obis_list_version = AIDON_V0001\n"
        "             meter_maker       = Aidon\n"
        "1-0:1.7.0    act_pow_pos       = 280 W\n"
        "1-0:31.7.0   curr_L1           = 3.9 A\n"
        "1-0:99.99.0                    = 2\n"
    )


def one(value: object) -> str:
    """Write a value as its reading does."""
    from hanpipe.readings.reading import Field, Plan

    plan = Plan([Field("x", "1-0:1.7.0", None, None, Fixed(value))])  # type: ignore[arg-type]
    return text(plan, ())


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (scaled(1, -7), "0.0000001"),
        (scaled(-2362, -1), "-236.2"),
        (10**20, "100000000000000000000"),
        (3.9000000953674316, "3.9"),  # 3.9 as a float32
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e300, str(10**300).replace("1" + "0" * 300, "1" + "0" * 300)),
        (True, "true"),
        ("a\x1b[31m\r\n\x9b'\"", "a\\x1b[31m\\r\\n\\x9b'\""),
        ([{"structure": [{"long": 1}, {"visible-string": "a"}, {"null-data": None}]}], "[[1, a, null]]"),
        ({"type": "long", "contents": [{"long": 1}, {"long": 2}]}, "[1, 2]"),
    ],
)
def test_values_are_written_for_people(value: object, written: str) -> None:
    assert one(value) == f"x = {written}\n"


def test_what_cannot_be_told_is_left_out() -> None:
    assert one(None) == ""


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_known_again(value: float) -> None:
    written = one(value).removeprefix("x = ").strip()
    assert "e" not in written
    near = abs(float(written) - value) <= abs(value) * 1e-7
    assert near or struct.pack(">f", float(written)) == struct.pack(">f", value)  # the float32 that it is, if it is one


# --- colour ---


def test_only_a_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_on() -> bool:
        return colour_of_stdout().bold("x") != "x"

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(os, "isatty", lambda descriptor: False)
    assert not is_on()
    monkeypatch.setattr(os, "isatty", lambda descriptor: descriptor == 1)
    assert is_on()
    monkeypatch.setenv("TERM", "dumb")
    assert not is_on()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not is_on()


@pytest.mark.parametrize("wanted", [True, False])
def test_han_frame_paints_on_a_terminal(tmp_path: str, wanted: bool) -> None:
    path = os.path.join(tmp_path, "line")
    with open(path, "wb") as file:
        file.write(FLAG + LIST_1 + FLAG)
    surroundings = os.environ | {"TERM": "xterm"} | ({} if wanted else {"NO_COLOR": "1"})
    if wanted:
        surroundings.pop("NO_COLOR", None)
    master, terminal = pty.openpty()
    command = [sys.executable, os.path.join(ROOT, "bin", "han-frame"), "--hex", path]
    with subprocess.Popen(command, stdout=terminal, env=surroundings) as process:
        os.close(terminal)
        result = b""
        while b"FCS good" not in result:
            result += os.read(master, 65536)
        process.wait()
    os.close(master)
    assert (b"\x1b[2m0000" in result) == wanted
