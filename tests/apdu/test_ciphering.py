"""Ciphered APDUs, opened and checked."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanpipe.apdu.ciphering import name_title, read_ciphered, read_ciphered_block
from hanpipe.apdu.counters import Counters
from hanpipe.apdu.deciphering import Deciphering, DecryptionError
from hanpipe.apdu.keys import ANY, Keys, Line
from hanpipe.link.octets import Malformed
from needs import needs

needs("cryptography")

TITLE = bytes.fromhex("4b414d4500000001")
OTHER = bytes.fromhex("4b414d4500000002")
KEY, WRONG, LONG = bytes(range(16)), bytes(range(1, 17)), bytes(range(32))
AUTHENTICATION = bytes(range(0xD0, 0xE0))
TEXT = b"readable text"


def encrypt(text, control=0x30, counter=1, title=TITLE, key=KEY, authentication=AUTHENTICATION):
    """Return text and tag as a meter sends them."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    context = Cipher(algorithms.AES(key), modes.GCM(title + counter.to_bytes(4, "big"))).encryptor()
    known = bytes([control]) + authentication
    if control & 0x20:
        context.authenticate_additional_data(known if control & 0x10 else b"")
        text = context.update(text)
    else:
        context.authenticate_additional_data(known + text)
    context.finalize()
    return text + (context.tag[:12] if control & 0x10 else b"")


def length(number):
    return bytes([number]) if number < 0x80 else b"\x82" + number.to_bytes(2, "big")


def content(text, control, counter, **keys):
    octets = bytes([control]) + counter.to_bytes(4, "big") + encrypt(text, control, counter, **keys)
    return length(len(octets)) + octets


def glo(text=TEXT, control=0x30, counter=1, title=TITLE, **keys):
    return b"\xdb\x08" + title + content(text, control, counter, title=title, **keys)


def ded(text=TEXT, control=0x30, counter=1, title=TITLE, **keys):
    return b"\xdc\x08" + title + content(text, control, counter, title=title, **keys)


def untitled(apdu):
    """Return a ciphered APDU without its system title: its length is 0."""
    return apdu[:1] + b"\0" + apdu[2 + len(TITLE) :]


def is_text(octets):
    return octets.startswith(b"readable")


def opened(apdu, *lines, deciphering=None):
    return (deciphering or Deciphering(Keys(lines))).open(read_ciphered(apdu), is_text)


def refused(apdu, *lines, deciphering=None):
    with pytest.raises(DecryptionError) as closed:
        opened(apdu, *lines, deciphering=deciphering)
    return closed.value.fault, closed.value.detail


def test_vector():
    """The vector of the Green Book's example of ciphering, in a general-glo-ciphering around it."""
    title, key = bytes.fromhex("4d4d4d0000bc614e"), bytes.fromhex("000102030405060708090a0b0c0d0e0f")
    authentication = bytes.fromhex("d0d1d2d3d4d5d6d7d8d9dadbdcdddedf")
    apdu = bytes.fromhex("db084d4d4d0000bc614e1e3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b")
    text, keys = Deciphering(Keys([Line(title, key, authentication)])).open(read_ciphered(apdu), lambda text: False)
    assert text == bytes.fromhex("c0010000080000010000ff0200")
    assert keys == {
        "system_title": "4d4d4d0000bc614e",
        "invocation_counter": 0x01234567,
        "security": "E+A suite 0",
        "authenticated": True,
    }


@pytest.mark.parametrize("suite", [0, 1, 2])
@pytest.mark.parametrize(("flags", "words"), [(0x20, "E"), (0x10, "A"), (0x30, "E+A"), (0x00, "none")])
@pytest.mark.parametrize("send", [glo, ded])
def test_every_suite_and_security_control(suite, flags, words, send):
    key = LONG if suite == 2 else KEY
    apdu = send(control=flags | suite, key=key)
    text, keys = opened(apdu, Line(TITLE, key, AUTHENTICATION))
    assert text == TEXT
    assert keys["security"] == f"{words} suite {suite}"
    assert keys["authenticated"] is bool(flags & 0x10)
    text, keys = opened(apdu, Line(TITLE, key, b""))
    assert text == TEXT
    assert keys["authenticated"] is False


def test_what_is_not_encrypted_needs_no_key():
    text, keys = opened(glo(control=0x10))
    assert (text, keys["authenticated"]) == (TEXT, False)


def test_no_key():
    assert refused(glo())[0] == "no key"
    assert refused(glo(), Line(OTHER, KEY, b""))[0] == "no key"
    assert "title" in refused(untitled(ded()), Line(ANY, KEY, b""))[1]


def test_any_title():
    assert opened(glo(), Line(ANY, KEY, AUTHENTICATION))[1]["authenticated"] is True


def test_without_a_title_the_line_that_fits_is_found():
    lines = [Line(OTHER, KEY, b""), Line(TITLE, WRONG, b""), Line(TITLE, KEY, AUTHENTICATION)]
    for apdu in (ded(), glo()):
        assert opened(untitled(apdu), *lines) == opened(apdu, *lines)
        assert refused(untitled(apdu), *lines[:2])[0] == "wrong key"


def test_wrong_key():
    assert refused(glo(), Line(TITLE, WRONG, AUTHENTICATION))[0] == "wrong key"
    assert refused(glo(), Line(TITLE, WRONG, b""))[0] == "wrong key"
    assert refused(glo(control=0x20), Line(TITLE, WRONG, b""))[0] == "wrong key"
    assert "broadcast" in refused(glo(control=0x70), Line(TITLE, WRONG, b""))[1]


def test_a_key_of_the_wrong_length():
    assert refused(glo(control=0x32, key=LONG), Line(TITLE, KEY, b"")) == (
        "wrong key",
        "wrong key: suite 2 needs a key of 64 hex digits",
    )


def test_wrong_authentication_key():
    fault, detail = refused(glo(), Line(TITLE, KEY, WRONG))
    assert (fault, detail[:24]) == ("authentication", "wrong authentication key")
    assert refused(glo(control=0x10), Line(TITLE, KEY, WRONG))[0] == "authentication"


def spoilt(apdu, at=-1):
    octets = bytearray(apdu)
    octets[at] ^= 0x55
    return bytes(octets)


@pytest.mark.parametrize(
    ("control", "at", "fault"),
    [(0x30, -1, "authentication"), (0x30, -20, "authentication"), (0x20, -12, "apdu"), (0x10, -1, "authentication")],
)
def test_a_damaged_message_after_a_good_one(control, at, fault):
    deciphering = Deciphering(Keys([Line(TITLE, KEY, AUTHENTICATION)]))
    opened(glo(control=control), deciphering=deciphering)
    for counter in (2, 3, 4):
        result = refused(spoilt(glo(control=control, counter=counter), at), deciphering=deciphering)
        assert result[0] == fault
        assert result[1].startswith("damaged message")
    assert not refused(spoilt(glo(control=control, counter=5), at), deciphering=deciphering)[1].startswith("damaged")
    opened(glo(control=control, counter=6), deciphering=deciphering)


def test_damage_of_one_meter_says_nothing_of_another():
    deciphering = Deciphering(Keys([Line(ANY, KEY, AUTHENTICATION)]))
    opened(glo(), deciphering=deciphering)
    assert refused(glo(title=OTHER, key=WRONG), deciphering=deciphering)[0] == "wrong key"


def test_a_text_in_clear_says_nothing_of_the_key():
    deciphering = Deciphering(Keys([Line(TITLE, WRONG, b"")]))
    opened(glo(control=0x00), deciphering=deciphering)
    assert refused(glo(), deciphering=deciphering)[0] == "wrong key"


def test_titles_of_another_length_are_malformed():
    with pytest.raises(Malformed, match="one of 7"):
        read_ciphered(b"\xdb\x07" + TITLE[1:] + content(TEXT, 0x30, 1))


def test_what_cannot_be_read_is_told():
    assert refused(glo(control=0xB0), Line(TITLE, KEY, b"")) == (
        "ciphering",
        "the text is compressed (V.44), which han-decode cannot read",
    )
    assert refused(glo(control=0x35), Line(TITLE, KEY, b"")) == ("ciphering", "security suite 5 is unknown")
    assert opened(glo(control=0x70), Line(TITLE, KEY, b""))[1]["security"] == "E+A suite 0, broadcast key"


def test_counters():
    said = []
    counters = Counters()
    deciphering = Deciphering(Keys([Line(TITLE, KEY, b"")]), counters, said.append)
    result = [opened(glo(counter=counter), deciphering=deciphering)[1].get("counter") for counter in (5, 6, 6, 4, 7)]
    assert result == [None, None, "repeated", "back", None]
    assert [word.startswith("title KAM4500000001: ") for word in said] == [True, True]
    assert counters.highest == {TITLE: 7}


def test_what_could_not_be_opened_does_not_count():
    counters = Counters()
    deciphering = Deciphering(Keys([Line(TITLE, KEY, AUTHENTICATION)]), counters)
    refused(spoilt(glo(counter=9)), deciphering=deciphering)
    opened(glo(control=0x00, counter=9), deciphering=deciphering)  # anybody can write that
    assert counters.highest == {}
    assert (deciphering.met, deciphering.opened) == (2, 1)


def test_the_block_of_a_polish_telegram():
    head = b"/KFM5KAIFA-METER\r\n\r\n"
    octets = head + b"\0" + content(TEXT, 0x30, 7) + b"!1234\r\n"
    ciphered = read_ciphered_block(octets, len(head))
    assert Deciphering(Keys([Line(TITLE, KEY, AUTHENTICATION)])).open(ciphered, is_text)[0] == TEXT


@given(
    st.binary(max_size=40), st.sampled_from([b"", b"\xdb\x08" + TITLE, b"\xdc\x08" + TITLE, b"\xdb\x00", b"\xdc\x00"])
)
def test_any_octets_are_read_or_malformed(octets, front):
    for read in (read_ciphered, lambda result: read_ciphered_block(result, 0)):
        try:
            ciphered = read(front + octets)
        except Malformed:
            continue
        assert ciphered.text + ciphered.tag in front + octets


@given(st.integers(0, 255), st.data(), st.booleans())
def test_spoilt_messages_are_never_taken_for_authentic(control, data, authentication):
    apdu = bytearray(glo(control=control & 0x3F, key=KEY))
    at = data.draw(st.integers(0, len(apdu) - 1))
    apdu[at] ^= data.draw(st.integers(1, 255))
    deciphering = Deciphering(Keys([Line(ANY, KEY, AUTHENTICATION if authentication else b"")]))
    try:
        text, keys = deciphering.open(read_ciphered(bytes(apdu)), is_text)
    except (Malformed, DecryptionError):
        return
    assert not keys["authenticated"]
    assert is_text(text)


def test_titles_for_people():
    assert name_title(TITLE) == "KAM4500000001"
    assert name_title(b"\xff" + TITLE[1:]) == "ff414d4500000001"


def test_cryptography_is_imported_for_a_message_with_a_key_only():
    code = (
        "import sys\n"
        "from hanpipe.apdu.ciphering import *\n"
        "from hanpipe.apdu.deciphering import *\n"
        "from hanpipe.apdu.keys import *\n"
        "sys.modules['cryptography'] = None\n"
        f"apdu = read_ciphered(bytes.fromhex('{glo().hex()}'))\n"
        "for keys in (Keys(), Keys([Line(ANY, bytes(16), b'')])):\n"
        "    try:\n"
        "        Deciphering(keys).open(apdu, lambda text: True)\n"
        "    except DecryptionError as closed: print(closed.fault)\n"
        "    except ModuleNotFoundError as error: print(error.name)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "lib"}, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("no key\ncryptography\n", "")
