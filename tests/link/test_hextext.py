"""hextext.py: hex text -> octets."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_p1 import telegram

import encoder
from conftest import ROOT
from hanpipe.link.hextext import LONGEST_LINE, HexText, looks_like_hex_text
from hanpipe.link.records import pack
from strategies import cuts, in_pieces


def read(text: bytes, sizes: list[int] | None = None) -> bytes:
    reader = HexText()
    return b"".join(reader.feed(piece) for piece in [*in_pieces(text, sizes or []), b""])


def plain(octets: bytes, width: int, between: str) -> str:
    rows = [octets[at : at + width] for at in range(0, len(octets), width)]
    return "\n".join(between.join(f"{octet:02x}" for octet in row) for row in rows)


def printable(row: bytes) -> str:
    return "".join(chr(octet) if 32 <= octet < 127 else "." for octet in row)


def xxd(octets: bytes) -> str:
    lines = []
    for at in range(0, len(octets), 16):
        row = octets[at : at + 16]
        lines.append(f"{at:08x}: {row.hex(' ', -2):<40} {printable(row)}")
    return "\n".join(lines)


def hexdump(octets: bytes) -> str:
    lines = []
    for at in range(0, len(octets), 16):
        row = octets[at : at + 16]
        text = f"{row[:8].hex(' '):<24} {row[8:].hex(' '):<24}"
        lines.append(f"{at:08x}  {text} |{printable(row)}|")
    return "\n".join([*lines, f"{len(octets):08x}", ""])


def od(octets: bytes) -> str:
    lines = [f"{at:06x} {octets[at : at + 16].hex(' ')}" for at in range(0, len(octets), 16)]
    return "\n".join([*lines, f"{len(octets):06x}", ""])


def han_frame(octets: bytes) -> str:
    rows = [octets[at : at + 8] for at in range(0, len(octets), 8)]
    lines = [f"{8 * n:04x}  {row.hex(' '):<24} FCS wrong: found cd34, expected 1f0b" for n, row in enumerate(rows)]
    return "\n".join(["frame 12  octets 1042-1310  hdlc  good", *lines, ""])


def logged(octets: bytes) -> str:
    rows = [octets[at : at + 10] for at in range(0, len(octets), 10)]
    return "\n".join(f"[2026-11-22T10:15:{n % 60:02}.123Z] {row.hex(' ')}" for n, row in enumerate(rows))


def widths(between: str) -> st.SearchStrategy[object]:
    return st.integers(1, 40).map(lambda width: lambda octets: plain(octets, width, between))


FORMS = st.one_of(
    *(widths(between) for between in (" ", "", ":", ", ", ",0x", " 0x", "-", "\t")),
    st.sampled_from([hexdump, han_frame, logged, od]),
)


@given(st.binary(min_size=1, max_size=200), FORMS, cuts(), st.booleans())
def test_octets_written_as_hex_come_back(octets: bytes, form: object, sizes: list[int], upper: bool) -> None:
    text = form(octets)  # type: ignore[operator]
    if upper and form is not han_frame:  # whose words nobody writes in capitals
        text = text.upper().replace("0X", "0x")
    assert read(text.encode(), sizes) == octets


@given(st.binary(max_size=200), cuts())
def test_xxd_is_read(octets: bytes, sizes: list[int]) -> None:
    assert read(xxd(octets).encode(), sizes) == octets


@given(st.binary(max_size=300) | st.text("0123456789abcdefx:-[] \n|<g", max_size=100).map(str.encode), cuts())
def test_octets_do_not_depend_on_the_pieces(text: bytes, sizes: list[int]) -> None:
    assert read(text, sizes) == read(text)


@pytest.mark.parametrize(
    ("line", "octets"),
    [
        ("7e <-- Start of frame", "7e"),
        ("a0 2a <-- Expected length 42 octets", "a0 2a"),
        ("[12:00:01] 7E A0 2A", "7e a0 2a"),
        ("12:00:01 7E", "7e"),
        ("12:00:01.250 RX: 7E A0 2A 41", "7e a0 2a 41"),
        ("Nov 22 10:15:04 host reader[123]: 7ea02a41", "7e a0 2a 41"),
        (r'"\x7e\xa0\x2a"', "7e a0 2a"),
        ("{0x7E, 0xA0};", "7e a0"),
        ('{"link":"hdlc","fault":"noise","octets":"a0d2ff"}', "a0 d2 ff"),
        ("12:34:56:78:9a", "12 34 56 78 9a"),
        ("  7e a0\r", "7e a0"),
        ("0029  34 cd                    FCS good", "34 cd"),
        ("7E.A0.37.CF (4)", "7e a0 37 cf"),
        ("[126, 160, 55]", "7e a0 37"),
        ("const uint8_t frame[] = {0x7E, 0xA0, 0x37};", "7e a0 37"),
        (r"data: b'~\xa07\xcf\n'", "7e a0 37 cf 0a"),
        ("**7E**A037CF**7E**", "7e a0 37 cf 7e"),
        ("> 7e a0", "7e a0"),
        ("> > 7ea037", "7e a0 37"),
    ],
)
def test_what_stands_around_hex_is_left_out(line: str, octets: str) -> None:
    assert read(line.encode()) == bytes.fromhex(octets)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "frame 12  octets 1042-1310  hdlc  good",
        "be careful",
        "42 octets read",
        "length: 42",
        "12:00:01",
        "voltage 230.25",
        "--- Start 374880 ---",
        "192.168.1.10",
        "7ea037cf02231",
        "7e0",
        "*",
    ],
)
def test_what_holds_no_hex_contributes_nothing(line: str) -> None:
    assert read(line.encode() + b"\n") == b""


@pytest.mark.parametrize("item", [b"7e", b"7e ", b"0x7e ", b"0x7e, "])
def test_a_line_without_end_is_read_in_parts(item: bytes) -> None:
    reader, count = HexText(), 2 * LONGEST_LINE // len(item)
    assert LONGEST_LINE % len(item) == 0
    octets = reader.feed(item * count)
    assert len(reader._rest) <= LONGEST_LINE
    assert octets + reader.feed(b"") == b"\x7e" * count


def test_an_odd_number_of_digits_is_reported_with_its_place() -> None:
    reader = HexText()
    assert reader.feed(b"7ea0\nframe 7ea037cf02231\n") == bytes.fromhex("7ea0")
    assert "line 2: 13 hex digits from character 7 on" in reader.doubt


@pytest.mark.parametrize(
    ("text", "is_hex"),
    [
        (b"7ea037cf0223131a52\n", True),
        (b"12:00:01 RX: 7E A0 37 CF 02 23 13 1A\n", True),
        (b"/TST5\\2X\r\n\r\n1-0:1.7.0(0.2*kW)\r\n!\r\n", False),
        (b"1-0:1.7.0(0.2*kW)\r\n0-0:96.1.1(7ea037cf0223131a)\r\n", False),
        (b"/TST5\\2X\r\n\r\n0-0:96.1.1(7ea037cf0223131a)\r\n", False),
        (b"words, and 42 octets read\n", False),
        (bytes.fromhex("7ea037cf0223131a"), False),
    ],
)
def test_hex_text_is_recognised_where_it_is_clear(text: bytes, is_hex: bool) -> None:
    assert looks_like_hex_text(text) is is_hex


FRAME = encoder.pushed(encoder.notification({"structure": [{"long": 1}]}))
TEXTS = {
    "hex": (b"7e" + FRAME.hex().encode() + b"7e\n", "hex text"),
    "log": (b"12:00:01 RX: " + (b"\x7e" + FRAME + b"\x7e").hex(" ").encode() + b"\n", "hex text"),
}


def run_han_frame(text: bytes, *options: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([f"{ROOT}/bin/han-frame", *options], input=text, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize("form", TEXTS)
def test_hex_text_is_read_without_the_option_and_this_is_said(form: str) -> None:
    text, words = TEXTS[form]
    done = run_han_frame(text, "--no-time")
    assert done.stdout == pack("H", FRAME, 0)
    assert words in done.stderr.decode()
    assert run_han_frame(text, "--no-time", "--from-hex").stderr == b""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no octets"),
        (b"no digits here\n", "found text without hex digits"),
        (b"7ea037cf0223131\n", "odd number"),
        (b"1-0:1.7.0(1*kW)\n1-0:2.7.0(1*kW)\n!ABCD\n", "first line"),
    ],
)
def test_no_octets_end_with_the_reason(text: bytes, words: str) -> None:
    done = run_han_frame(text, "--from-hex")
    assert done.returncode == 1
    assert words in done.stderr.decode()
    assert ("without hex digits" in done.stderr.decode()) == (words.endswith("without hex digits"))


def test_a_pasted_telegram_is_restored() -> None:
    pasted = telegram().replace(b"\r", b"").replace(b"\n", b"\n> ")
    assert run_han_frame(b"> " + pasted, "--from-hex", "--no-time").stdout == pack("P", telegram(), 0)


def test_a_first_column_that_does_not_count_is_octets() -> None:
    assert read(b"7ea001 02 03\n7ea002 02 03\n") == bytes.fromhex("7ea0010203 7ea0020203")
    assert read(b"7ea001 02 03\n7ea002 02 03\n", [3, 5, 9]) == bytes.fromhex("7ea0010203 7ea0020203")
    assert read(b"000000 01 02\n*\n000010 03 04\n000012\n") == bytes.fromhex("01020304")
