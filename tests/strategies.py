"""Strategies of hypothesis: streams of frames and noise, typed data, and where to cut them."""

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

import encoder

Typed = dict[str, Any]
Event = TypeVar("Event")

# --- the line ---

# Octets that mean something to a framer come often: flags, escapes, formats, record magic.
_TELLING = st.sampled_from([b"\x7e", b"\x7e\x7e", b"\x7d", b"\xa0", b"\xa7\xff", b"\xa8", b"\x01", b"HAN", b"\0\0"])


def noise(most: int = 40) -> st.SearchStrategy[bytes]:
    """Octets that mean nothing, or nearly something."""
    return st.lists(_TELLING | st.binary(max_size=6), max_size=most // 4).map(b"".join)


def addresses() -> st.SearchStrategy[bytes]:
    """Two addresses, one to four octets each; the last octet of each is odd."""
    even, odd = st.integers(0, 127).map(lambda half: 2 * half), st.integers(0, 127).map(lambda half: 2 * half + 1)
    one = st.tuples(st.lists(even, max_size=3), odd).map(lambda parts: bytes([*parts[0], parts[1]]))
    return st.tuples(one, one).map(b"".join)


def frames() -> st.SearchStrategy[bytes]:
    """HDLC frames without flags: flags inside, false headers inside, none at all, now and then the longest there is."""
    longest = st.just(bytes(range(0x60, 0x80)) * 63 + bytes(22))
    information = noise() | st.binary(max_size=60) | st.binary(max_size=200) | longest | false_headers()
    return st.builds(
        encoder.frame,
        information,
        addresses() | st.just(b"\x41\x08\x83"),
        st.sampled_from([0x13, 0x03, 0x10]),
        st.booleans(),
    ).filter(lambda frame: len(frame) <= 2047 and (frame[0] & 7) << 8 | frame[1] == len(frame))


def false_headers() -> st.SearchStrategy[bytes]:
    """Headers whose HCS is right and whose frame never comes, after their flag."""
    front = st.builds(encoder.header, st.integers(0, 2047), addresses(), st.just(0x13))
    return front.map(lambda octets: b"\x7e" + octets + encoder.x25(octets))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A frame with an octet changed, lost or added, or with its end or beginning lost."""
    octets = draw(frames())
    at = draw(st.integers(0, len(octets) - 1))
    kind = draw(st.sampled_from(("change", "lose", "add", "end", "beginning")))
    if kind == "change":
        return octets[:at] + bytes([octets[at] ^ draw(st.integers(1, 255))]) + octets[at + 1 :]
    if kind == "lose":
        return octets[:at] + octets[at + 1 :]
    if kind == "add":
        return octets[:at] + draw(st.sampled_from([b"\x7e", b"\0", b"\xff"])) + octets[at:]
    return octets[:at] if kind == "end" else octets[at:]


@st.composite
def lines(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """Octets of a line, and the good frames that were sent on it; neighbours may share a flag."""
    line, sent = b"", []
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(("frame", "frame", "frame", "shared", "damaged", "noise", "idle", "false header")))
        if kind in ("frame", "shared"):
            frame = draw(frames())
            opening = b"" if kind == "shared" and line.endswith(b"\x7e") else b"\x7e"
            line += opening + frame + b"\x7e"
            sent.append(frame)
        elif kind == "damaged":
            line += b"\x7e" + draw(damaged()) + b"\x7e" * draw(st.integers(0, 1))
        elif kind == "noise":
            line += draw(noise())
        elif kind == "idle":
            line += b"\x7e" * draw(st.integers(1, 5))
        else:
            line += draw(false_headers())
    return line, sent


# Beginnings and ends of frames of all links: whole, and where they are cut.
_MARKS = st.sampled_from(
    [b"\x7e", b"\x7e\x7e", b"\x7e\xa0", b"\xa0\x7e", b"\0", b"\xff", b"\x03", b"\x16", b"\xdb\x08", b"!", b"\r\n"]
    + [b"h\x7e\x7ehS"[:size] for size in range(1, 6)]
    + [b"h%c%chS" % (size, size) for size in (0, 1, 3)]
    + [b"/ABC5\r\n"[:size] for size in (1, 2, 4, 7)]
    + [b"\xafABC"[:size] for size in (1, 2)]
)
_FILLING = st.sampled_from([b"\0", b"\x7e", b"h", b"\x16", b"/", b"h\x7e", b"\x7e\xa0"])


@st.composite
def mbus_frames(draw: st.DrawFn) -> bytes:
    """M-Bus frames of all lengths, also of L modulo 256: L of 0 to 3 and 7E, with starts and flags inside."""
    size = draw(st.sampled_from([1, 2, 3, 4, 126, 253, 254, 255, 256, 257, 258, 259, 382]) | st.integers(1, 60))
    counted = (draw(st.sampled_from([b"S", b"s", b"\x08"])) + b"\xff\x10" + draw(_FILLING) * size)[:size]
    length = size % 256
    return bytes([0x68, length, length, 0x68]) + counted + bytes([sum(counted) % 256, 0x16])


@st.composite
def telegrams(draw: st.DrawFn) -> bytes:
    """Short P1 telegrams: with a CRC and without, with LF alone, with parity."""
    end = draw(st.sampled_from([b"\r\n", b"\r\n", b"\n"]))
    lines = [b"/TST5\\2X", b"", *[b"1-0:1.7.0(%d*kW)" % draw(st.integers(0, 9))] * draw(st.integers(0, 3))]
    body = end.join([*lines, b"!"])
    octets = body + (draw(st.sampled_from([b"%04X" % encoder.arc(body), b"%04X" % encoder.arc(body), b""]))) + end
    return encoder.with_even_parity(octets) if draw(st.integers(0, 4)) == 0 else octets


@st.composite
def _mixed_piece(draw: st.DrawFn, inner: st.SearchStrategy[bytes] = _MARKS) -> bytes:
    """A frame of any link or a mark: whole, cut, or with something else in the middle."""
    flags = st.integers(0, 2).map(lambda count: b"\x7e" * count)
    short = st.binary(max_size=12) | _FILLING.map(lambda octets: octets * 9) | inner
    hdlc = st.builds(
        encoder.frame, short, st.sampled_from([b"\x41\x08\x83", b"\x03\x03", b"\x02\x03\x03"]), st.just(0x13)
    )
    ciphered = short.map(
        lambda octets: b"\xdb\x08TSTABCDE" + bytes([5 + len(octets) & 0x7F]) + b"\x30\0\0\0\7" + octets
    )
    octets = draw(
        mbus_frames()
        | st.tuples(flags, hdlc, flags).map(b"".join)
        | false_headers()
        | telegrams()
        | ciphered
        | _MARKS
        | _MARKS
    )
    at = draw(st.integers(0, len(octets)))
    kind = draw(st.sampled_from(("whole", "whole", "whole", "end", "beginning", "insert", "replace")))
    if kind in ("insert", "replace"):
        return octets[:at] + draw(inner) + octets[at + (kind == "replace") :]
    return {"whole": octets, "end": octets[:at], "beginning": octets[at:]}[kind]


def mixed_streams() -> st.SearchStrategy[bytes]:
    """Octets of lines on which all links occur, one in the middle of another, with damage."""
    return st.lists(_mixed_piece() | _mixed_piece(_mixed_piece()), min_size=1, max_size=6).map(b"".join)


def streams() -> st.SearchStrategy[bytes]:
    """Octets of a line."""
    return lines().map(lambda line: line[0])


def cuts() -> st.SearchStrategy[list[int]]:
    """Sizes of the pieces that a stream comes in, over and over; none: it comes whole."""
    return st.lists(st.integers(1, 30) | st.sampled_from([1, 2, 16, 17, 2048, 4096]), max_size=6)


def in_pieces(octets: bytes, sizes: list[int]) -> list[bytes]:
    """Cut octets into pieces of these sizes, over and over."""
    pieces, at, turn = [], 0, 0
    while at < len(octets):
        size = sizes[turn % len(sizes)] if sizes else len(octets)
        pieces.append(octets[at : at + size])
        at, turn = at + size, turn + 1
    return pieces


def fed(feed: Callable[[bytes], list[Event]], octets: bytes, sizes: list[int]) -> list[Event]:
    """Feed octets in pieces, then the end; return all events."""
    return [event for piece in [*in_pieces(octets, sizes), b""] for event in feed(piece)]


# --- typed data ---


def _integers(octets: int, signed: bool) -> st.SearchStrategy[int]:
    least, most = (-(1 << 8 * octets - 1), (1 << 8 * octets - 1) - 1) if signed else (0, (1 << 8 * octets) - 1)
    return st.sampled_from([least, most, 0]) | st.integers(least, most)


def _hex(octets: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=octets, max_size=octets).map(bytes.hex)


def _not_finite(form: str, bits: list[str]) -> st.SearchStrategy[Any]:
    finite = st.floats(width=32 if form == ">f" else 64, allow_nan=False, allow_infinity=False)
    return finite | st.sampled_from(bits)


# The plain types of docs/protocol.md, and what they hold.
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "null-data": st.none(),
    "boolean": st.booleans(),
    "bit-string": st.text("01", max_size=20),
    "double-long": _integers(4, True),
    "double-long-unsigned": _integers(4, False),
    "octet-string": st.sampled_from([0, 4, 5, 6, 12]).flatmap(_hex) | st.binary(max_size=200).map(bytes.hex),
    "visible-string": st.text(st.characters(max_codepoint=255), max_size=20)
    | st.sampled_from(["%", "%d%%", '"\\\x7f']),
    "utf8-string": st.text(max_size=10),
    "bcd": _integers(1, False),
    "integer": _integers(1, True),
    "long": _integers(2, True),
    "unsigned": _integers(1, False),
    "long-unsigned": _integers(2, False),
    "long64": _integers(8, True),
    "long64-unsigned": _integers(8, False),
    "enum": _integers(1, False),
    "float32": _not_finite(">f", ["7f800000", "ff800000", "7fc00000", "ffc12345"]),
    "float64": _not_finite(">d", ["7ff0000000000000", "fff0000000000000", "7ff8000000000000", "7ff800000000beef"]),
    "date-time": _hex(12),
    "date": _hex(5),
    "time": _hex(4),
    "delta-integer": _integers(1, True),
    "delta-long": _integers(2, True),
    "delta-double-long": _integers(4, True),
    "delta-unsigned": _integers(1, False),
    "delta-long-unsigned": _integers(2, False),
    "delta-double-long-unsigned": _integers(4, False),
    "do-not-care": st.none(),
}


def plain(name: str) -> st.SearchStrategy[Typed]:
    """Values of a type without elements."""
    return PLAIN[name].map(lambda value: {name: value})


def plains() -> st.SearchStrategy[Typed]:
    """Values of any type without elements."""
    return st.sampled_from(sorted(PLAIN)).flatmap(plain)


def descriptions() -> st.SearchStrategy[Any]:
    """Types of a compact-array's elements, none of which takes no octet at all."""
    simple = st.sampled_from(sorted(PLAIN))
    inner = st.recursive(
        simple,
        lambda member: (
            st.lists(member, max_size=3).map(lambda members: {"structure": members})
            | st.tuples(st.integers(0, 3), member).map(lambda pair: {"array": list(pair)})
        ),
        max_leaves=4,
    )
    telling = st.sampled_from(sorted(PLAIN.keys() - {"null-data", "do-not-care"}))
    return telling | inner.map(lambda member: {"structure": ["unsigned", member]})


def _described(described: Any) -> st.SearchStrategy[Typed]:
    if isinstance(described, str):
        return plain(described)
    ((name, inner),) = described.items()
    members = [inner[1]] * inner[0] if name == "array" else inner
    return st.tuples(*map(_described, members)).map(lambda elements: {name: list(elements)})


@st.composite
def compact_arrays(draw: st.DrawFn) -> Typed:
    """Compact-arrays of any type that they may hold."""
    described = draw(descriptions())
    contents = draw(st.lists(_described(described), max_size=4))
    return {"compact-array": {"type": described, "contents": contents}}


def typed_data() -> st.SearchStrategy[Typed]:
    """Values of any type, some levels deep."""
    return st.recursive(
        plains() | compact_arrays(),
        lambda inner: st.builds(
            lambda name, elements: {name: elements},
            st.sampled_from(("array", "structure")),
            st.lists(inner, max_size=5),
        ),
        max_leaves=12,
    )


def described_bodies() -> st.SearchStrategy[Typed]:
    """Bodies whose values have an attribute descriptor without a tag in front."""
    descriptor = st.fixed_dictionaries(
        {"class_id": _integers(2, False), "logical_name": _hex(6), "attribute_id": _integers(1, True)}
    )
    described = st.builds(
        lambda address, value: {"structure": [{"cosem-attribute-descriptor": address}, value]}, descriptor, typed_data()
    )
    return st.builds(
        lambda kind, values: {"structure": [kind, {"array": values}]}, plain("enum"), st.lists(described, max_size=5)
    )


@st.composite
def notifications(draw: st.DrawFn, bodies: st.SearchStrategy[Typed] | None = None) -> list[bytes]:
    """Some data-notifications of one shape: only numbers and clocks differ."""
    body = draw(typed_data() if bodies is None else bodies)
    date_time, tagged = draw(st.none() | st.binary(min_size=12, max_size=12)), draw(st.booleans())
    apdus = []
    for turn in range(draw(st.integers(1, 3))):
        body = draw(_with_other_numbers(body)) if turn else body
        clock = date_time[:1] + draw(st.binary(min_size=11, max_size=11)) if date_time else b""
        apdus.append(encoder.notification(body, draw(_integers(4, False)), clock, tagged and bool(date_time)))
    return apdus


# The part that differs from message to message of a meter; everything else belongs to the shape.
_VARYING = ("double-long", "double-long-unsigned", "long", "unsigned", "long-unsigned", "long64", "long64-unsigned")


@st.composite
def _with_other_numbers(draw: st.DrawFn, typed: Typed) -> Typed:
    ((name, value),) = typed.items()
    if name in ("array", "structure"):
        return {name: [draw(_with_other_numbers(element)) for element in value]}
    if name in _VARYING:
        return draw(plain(name))
    if name == "octet-string" and len(value) in (8, 10, 24) and value[0] in "01ef":  # it may be a clock
        return {name: value[:2] + draw(_hex(len(value) // 2 - 1))}
    return typed


def other_texts(typed: Typed, names: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[Typed]:
    """The same value with other texts of the same length, as of another meter. names: what they may begin with."""
    ((name, value),) = typed.items()
    if name in ("array", "structure"):
        elements = st.tuples(*[other_texts(element, names) for element in value])
        return elements.map(lambda chosen: {name: list(chosen)})
    if name not in ("octet-string", "visible-string") or not value:
        return st.just(typed)
    octets = bytes.fromhex(value) if name == "octet-string" else value.encode("latin-1")
    size = len(octets)
    digits, printable = st.sampled_from("0123456789"), st.characters(min_codepoint=0x20, max_codepoint=0x7E)
    texts = st.text(digits, min_size=size, max_size=size) | st.text(printable, min_size=size, max_size=size)
    named = (st.just("") if names is None else names).map(lambda begin: (begin + "7" * size)[:size])
    padded = st.integers(1, size).flatmap(lambda left: texts.map(lambda text: text[:left].ljust(size, "\0")))
    begun_alike = st.binary(min_size=size - 1, max_size=size - 1).map(lambda rest: octets[:1] + rest)
    others = st.just(octets) | ((texts | named | padded).map(str.encode) | begun_alike)
    return others.map(lambda other: {name: other.hex() if name == "octet-string" else other.decode("latin-1")})


@st.composite
def fleets(draw: st.DrawFn, bodies: st.SearchStrategy[Typed] | None = None) -> list[bytes]:
    """Data-notifications of meters that take turns: numbers and clocks differ, and from meter to meter the texts."""
    body = draw(typed_data() if bodies is None else bodies)
    meters = [draw(other_texts(body)) for _ in range(draw(st.integers(2, 4)))]
    turns = draw(st.lists(st.sampled_from(meters), min_size=2, max_size=8))
    return [encoder.notification(draw(_with_other_numbers(meter)), draw(_integers(4, False))) for meter in turns]
