"""link/p1.py: octets on the line -> P1 telegrams and faults."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from hanpipe.link import Event, Fault, Frame
from hanpipe.link.crc import arc
from hanpipe.link.p1.framer import LONGEST, P1Framer
from strategies import cuts, fed

FIRST = b"/TST5\\2INVENTED-1\r\n\r\n"
OBJECTS = b"0-0:1.0.0(261122111504W)\r\n1-0:1.8.0(00001234.567*kWh)\r\n1-0:31.7.0(003*A)\r\n"


def crc(octets: bytes) -> int:
    """CRC-16/ARC, bit by bit."""
    value = 0
    for octet in octets:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def telegram(objects: bytes = OBJECTS, first: bytes = FIRST, form: str = "%04X") -> bytes:
    body = first + objects + b"!"
    return body + (form % crc(body)).encode() + b"\r\n"


def without_crc(objects: bytes = OBJECTS) -> bytes:
    return FIRST + objects + b"!\r\n"


def even(octets: bytes) -> bytes:
    """Add even parity in bit 7."""
    return bytes(octet | 0x80 * (octet.bit_count() & 1) for octet in octets)


def ciphered(block: bytes) -> bytes:
    body = b"/TST5INVENTED\r\n\r\n\x00\x82" + (len(block) + 5).to_bytes(2, "big") + b"\x30\0\0\0\7" + block + b"!"
    return body + b"%04X\r\n" % crc(body)


NUMBERS = st.integers(0, 10**8).map(lambda number: b"1-0:1.8.0(%012.3f*kWh)\r\n" % (number / 1000))
TEXT = (
    NUMBERS
    | st.just(b"0-1:24.3.0(161107190000)(00)(60)(1)(0-1:24.2.1)(m3)\r\n(00001.001)\r\n")
    | st.just(b"0-0:96.13.0()\r\n")
)


def telegrams() -> st.SearchStrategy[bytes]:
    objects = st.lists(TEXT, max_size=30).map(b"".join)
    return (
        st.builds(telegram, objects)
        | st.builds(telegram, objects, form=st.just("%X"))
        | st.builds(without_crc, objects)
        | st.builds(without_crc, objects).map(even)
        | st.builds(ciphered, st.binary(max_size=300))
    )


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    pieces = []
    for _ in range(draw(st.integers(0, 5))):
        octets = draw(telegrams())
        at = draw(st.integers(0, len(octets)))
        noise = draw(
            st.binary(max_size=10) | st.sampled_from([b"\r\n", b"/", b"/AB", b"/TST5", b"!", b"/TST5\r\n", b"\xaf"])
        )
        pieces.append(
            draw(st.sampled_from((octets, octets, octets[:at], octets[at:], octets[:at] + noise + octets[at:], noise)))
        )
    return b"".join(pieces)


def events(octets: bytes, sizes: list[int] | None = None) -> list[Event]:
    return fed(P1Framer().feed, octets, sizes or [])


def test_the_check_is_the_standards() -> None:
    assert arc(b"123456789") == crc(b"123456789") == 0xBB3D


@given(streams(), cuts())
def test_events_do_not_depend_on_the_pieces(stream: bytes, sizes: list[int]) -> None:
    assert events(stream, sizes) == events(stream)


@given(streams())
def test_every_octet_is_in_one_event(stream: bytes) -> None:
    assert b"".join(event.octets for event in events(stream)) == stream


@given(st.lists(telegrams()), cuts())
def test_telegrams_come_back_as_they_were_sent(sent: list[bytes], sizes: list[int]) -> None:
    assert events(b"".join(sent), sizes) == [Frame("P", octets) for octets in sent]


@given(st.data())
def test_a_changed_octet_costs_only_its_telegram(data: st.DataObject) -> None:
    first, second = telegram(), telegram(b"1-0:1.7.0(0.280*kW)\r\n")
    at = data.draw(st.integers(0, len(first) - 3))
    changed = bytes([data.draw(st.integers(0, 255).filter(lambda octet: octet != first[at]))])
    result = events(second + first[:at] + changed + first[at + 1 :] + second)
    frames = [event for event in result if type(event) is Frame]
    # the CRC is hex in either case, and 0000 says nothing
    same = at >= len(first) - 6 and changed.upper() == first[at : at + 1]
    assert frames == [Frame("P", second)] * 2 or same


@pytest.mark.parametrize(
    "octets",
    [
        telegram(),
        telegram(form="%04x"),
        without_crc(),
        without_crc().replace(b"\r\n", b"\n"),
        FIRST + OBJECTS + b"!0000\r\n",
        FIRST + OBJECTS[:-2] + b"!\r\n",
        telegram(first=b"/TST5\r\n\r\n"),
        telegram(first=b"/TST5:12345-1A\r\n\r\n"),
        telegram(first=b"/TST-WARM\r\n\r\n"),
        telegram(first=b"/TSt5 4321\r\n\r\n"),
        even(without_crc()),
        ciphered(b"!\r\n/TST5\r\n~\x68" * 30),
        telegram(b"0-0:99.99.0(%b)\r\n" % (b"1" * (LONGEST - 100))),
    ],
)  # fmt: skip
def test_kinds_of_telegrams(octets: bytes) -> None:
    framer = P1Framer()
    assert framer.feed(octets[:-1]) == []
    assert framer.feed(octets[-1:]) == [Frame("P", octets)]
    assert events(octets + octets, [7]) == [Frame("P", octets)] * 2


def test_a_crc_without_its_leading_zeros() -> None:
    octets = next(one for n in range(1000) if crc((one := without_crc(b"1-0:1.7.0(%d*W)\r\n" % n))[:-2]) < 0x1000)
    body = octets[:-2]
    assert events(body + b"%X\r\n" % crc(body)) == [Frame("P", body + b"%X\r\n" % crc(body))]
    assert events(body + b"%X\r\n" % (crc(body) ^ 1)) == [Fault("c", body + b"%X\r\n" % (crc(body) ^ 1))]


def test_a_telegram_may_end_with_its_mark_where_it_stands_on_the_last_line() -> None:
    octets = FIRST + OBJECTS[:-2] + b"!"
    assert events(octets + octets) == [Frame("P", octets)] * 2


def test_the_next_first_line_cuts_a_telegram_short() -> None:
    cut = telegram()[:60]
    assert events(cut + telegram()) == [Fault("t", cut), Frame("P", telegram())]


def test_octets_in_front_and_behind_are_noise() -> None:
    assert events(b"kWh)\r\n!A1B2\r\n" + telegram() + b"\r\n") == [
        Fault("n", b"kWh)\r\n!A1B2\r\n"),
        Frame("P", telegram()),
        Fault("n", b"\r\n"),
    ]


def test_a_wrong_crc_is_a_fault() -> None:
    spoilt = telegram().replace(b"003*A", b"004*A")
    assert events(spoilt + telegram()) == [Fault("c", spoilt), Frame("P", telegram())]
    block = ciphered(bytes(100))
    assert events(block[:40] + b"\1" + block[41:]) == [Fault("c", block[:40] + b"\1" + block[41:])]


@pytest.mark.parametrize(
    "hostile", [b"/", b"/ABC", b"/ABC5\r\n", b"1-0:1.8.0(1)\r\n", b"/ABC5\r\n\r\n\0\x82\x10\0", b"\xaf", b"!"]
)
def test_hostile_octets_take_bounded_memory(hostile: bytes) -> None:
    framer = P1Framer()
    piece = hostile * (30000 // len(hostile))
    for _ in range(5):
        framer.feed(piece)
        assert len(framer._octets) <= LONGEST + 2100
    endless = P1Framer()
    for _ in range(10):
        endless.feed(FIRST + OBJECTS if endless._octets == b"" else OBJECTS * 50)
        assert len(endless._octets) <= LONGEST + 6000


UNPRINTABLE = st.binary(max_size=30).filter(lambda octets: not set(octets) & set(b"!/()"))


@given(UNPRINTABLE, cuts())
def test_any_octets_in_a_bracket_are_good_if_the_crc_agrees(content: bytes, sizes: list[int]) -> None:
    octets = telegram(OBJECTS + b"0-0:96.13.0(\xff" + content + b")\r\n")
    assert events(octets, sizes) == [Frame("P", octets)]
    spoilt = octets.replace(b"(\xff", b"(\xfe")
    assert events(spoilt) == [Fault("c", spoilt)]


@pytest.mark.parametrize("first", [b"/TST5\x01\x02\xff\r\n\r\n", b"/TST5/WITH-SLASH\r\n\r\n", b"/tst \r\n\r\n"])
def test_the_check_decides_about_any_identification(first: bytes) -> None:
    assert events(telegram(first=first), [1]) == [Frame("P", telegram(first=first))]


@pytest.mark.parametrize("end", [b"!\r\n", b"!0000\r\n"])
def test_octets_that_are_not_text_need_a_crc(end: bytes) -> None:
    octets = FIRST + b"0-0:96.13.0(\xff)\r\n" + end
    assert events(octets) == [Fault("c", octets)]


def test_a_crc_of_the_polynomial_x25_is_good() -> None:
    body = FIRST + OBJECTS + b"!"
    octets = body + b"%04X\r\n" % int.from_bytes(strategies.encoder.x25(body), "little")
    assert events(octets) == [Frame("P", octets)]


def test_two_telegrams_on_one_line_are_two() -> None:
    octets = telegram().removesuffix(b"\r\n")
    assert events(octets + telegram()) == [Frame("P", octets), Frame("P", telegram())]
