"""Octets are spoilt within their checks, which are then remade: nothing may raise, whatever the link or cipher.

The programs' edges are fuzzed by ../shared/checks/fuzz.py; here are the kinds that it has not: M-Bus, P1, ciphertext.
"""

import json
import random

import pytest

from fake_meters import AUTHENTICATION_KEY, KEY, sent
from hanpipe.apdu.deciphering import Deciphering
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.keys import Keys, Line
from hanpipe.apdu.message import Refusal, Result
from hanpipe.fake import encoder, meters
from hanpipe.link import FRAMERS
from hanpipe.link.crc import arc
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from hanpipe.views.colour import Colour
from hanpipe.views.hexdump import HexDump
from hanpipe.views.text import text
from hanpipe.views.tree import draw
from needs import needs
from spoilt import spoilt

ROUNDS = 50
TITLE = b"KAM\0\0\0\0\1"
CIPHERED = encoder.ciphered


def told_of(line: bytes, decoder: Decoder) -> list[Result]:
    """Send octets through all stages and views; check what they say, and return the results of the decoder."""
    framer, tree, dump = FRAMERS["auto"](), Decoder(decoder.opener.deciphering), HexDump(Colour(on=False))
    events = framer.feed(line) + framer.feed(b"")
    dump.feed(line, events)
    assert b"".join(octets for _, octets in events).replace(b"\x7e", b"") == line.replace(b"\x7e", b"")
    result = [one for event in events for one in decoder.feed(*event)] + decoder.end()
    for event in events:
        for one in tree.opener.open(*event):
            draw(one, Colour(on=False))
    lines = [one.line() for one in result]
    assert all(isinstance(json.loads(one, parse_constant=pytest.fail), dict) for one in lines)
    reader = LineReader(Naming())
    for plan, values, _ in reader.feed("\n".join(lines).encode()) + reader.feed(b""):
        json.loads(plan.obis_line(values, ""), parse_constant=pytest.fail)
        text(plan, values)
    assert reader.wrong == 0
    return result


def rounds(octets: bytes, wrap, decoder: Decoder, *, read: bool = True) -> None:
    """Spoil octets again and again, each time wrapped into a good frame; some must still be read, or none."""
    chance = random.Random(len(octets))
    result = [one for _ in range(ROUNDS) for one in told_of(wrap(spoilt(octets, chance)), decoder)]
    assert {type(one) is Refusal for one in result} == ({True, False} if read else {True})


@pytest.fixture
def plain(monkeypatch):
    """Make the meters send their APDUs without link and cipher; return what gives the largest of one."""
    monkeypatch.setattr(meters.Meter, "_framed", lambda self, octets: [octets])
    monkeypatch.setattr(encoder, "ciphered", lambda octets, *_: octets)
    return lambda name: max((frames[0] for frames, *_ in sent(name, 3)), key=len)


@pytest.mark.parametrize("name", ["aidon", "kaifa", "kamstrup", "kaifa-at", "landisgyr-ch"])
@pytest.mark.parametrize("most", [255, 60])
def test_spoilt_apdus_in_good_telegrams_of_mbus(name, most, plain):
    rounds(plain(name), lambda octets: b"".join(encoder.mbus(octets or b"\0", most)), Decoder())


@pytest.mark.parametrize("name", ["p1-nl", "p1-se"])
def test_spoilt_telegrams_with_a_good_crc(name, plain):
    text = plain(name).rpartition(b"!")[0] + b"!"
    rounds(text, lambda octets: octets + b"%04X\r\n" % arc(octets), Decoder())


@pytest.mark.parametrize("control", [0x20, 0x30, 0x10, 0x22])
@pytest.mark.parametrize("name", ["aidon", "kamstrup-dk", "landisgyr-at", "p1-lu"])
def test_spoilt_texts_well_ciphered(name, control, plain, cipher):
    key = KEY * 2 if control & 0x0F == 2 else KEY
    security = encoder.Security(TITLE, control, key, AUTHENTICATION_KEY)
    keys = Keys([Line(TITLE, key, AUTHENTICATION_KEY)])
    only_crc = name == "p1-lu" and not control & 0x10  # the CRC inside a telegram fails with any octet
    rounds(plain(name), lambda octets: cipher(octets, security, 1), Decoder(Deciphering(keys)), read=not only_crc)


@pytest.fixture
def cipher():
    """The cipher of the made meters, as it is before plain() takes it away."""
    needs("cryptography")
    return CIPHERED
