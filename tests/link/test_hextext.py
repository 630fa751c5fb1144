"""hextext.py: hex text -> octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.link.hextext import LONGEST_LINE, HexText
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
    st.sampled_from([hexdump, han_frame, logged]),
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
