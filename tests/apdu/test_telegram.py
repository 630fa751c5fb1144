"""P1 telegrams."""

import json
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import CAPTURES, NO_CAPTURES, captures
from hanpipe.apdu.telegram import (
    crc_fault,
    is_body,
    is_telegram,
    read_objects,
    read_telegram,
    split_ciphered,
    split_telegrams,
    without_parity,
)
from hanpipe.link.crc import arc
from hanpipe.link.octets import Malformed

characters = st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="()")
codes = st.from_regex(r"[0-9]-[0-9]:[0-9]{1,2}\.[0-9]{1,2}\.[0-9](\*[0-9]{1,3})?", fullmatch=True)
objects = st.lists(
    st.tuples(codes, st.lists(st.text(characters, max_size=12), min_size=1, max_size=4)).map(
        lambda parts: [parts[0], *parts[1]]
    ),
    max_size=6,
)


def write(identification, result, line_end="\r\n"):
    """Write a telegram, without its CRC."""
    lines = [identification, ""] + [line[0] + "".join(f"({entry})" for entry in line[1:]) for line in result]
    return line_end.join([*lines, "!"]).encode() + line_end.encode()


def parity(octets, odd):
    return bytes(octet | 0x80 if octet.bit_count() & 1 != odd else octet for octet in octets)


@given(objects, st.sampled_from(["\r\n", "\n"]))
def test_objects_come_back(result, line_end):
    assert read_telegram(write("/KAM5", result, line_end)) == ("/KAM5", result)


@given(objects, st.booleans())
def test_parity_bits_do_not_matter(result, odd):
    octets = write("/KAM5", result)
    assert read_telegram(parity(octets, odd)) == read_telegram(octets)


def test_octets_beyond_ascii_are_no_parity():
    octets = "/KAM5\r\n\r\n0-0:96.13.0(blå måler)\r\n!".encode("latin-1")
    assert without_parity(octets) == octets
    assert read_telegram(octets)[1] == [["0-0:96.13.0", "blå måler"]]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("1-0:1.8.0(00001234.567*kWh)", [["1-0:1.8.0", "00001234.567*kWh"]]),
        ("0-1:24.2.1(261122111500W)(00012.345*m3)", [["0-1:24.2.1", "261122111500W", "00012.345*m3"]]),
        ("0-1:24.3.0(1)(m3)\r\n(00000.000)", [["0-1:24.3.0", "1", "m3", "00000.000"]]),
        ("0-0:96.13.0()", [["0-0:96.13.0", ""]]),
        ("1-0:1.8.0*255(1)", [["1-0:1.8.0*255", "1"]]),
        ("1-0:1.7.0(1*kW)x\r\n1-0:2.7.0(2*kW)", [["1-0:1.7.0(1*kW)x"], ["1-0:2.7.0", "2*kW"]]),
        ("1-0:1.7.0(1*k", [["1-0:1.7.0(1*k"]]),
        ("1-0:1.7.0(1*k\r\n1-0:2.7.0(2*kW)", [["1-0:1.7.0(1*k"], ["1-0:2.7.0", "2*kW"]]),
        ("0-0:96.13.0(3031\r\n3233\r\n34)\r\n1-0:1.7.0(1*kW)", [["0-0:96.13.0", "3031323334"], ["1-0:1.7.0", "1*kW"]]),
        ("0-0:42.0.0((ER11))", [["0-0:42.0.0", "(ER11)"]]),
        ("0-0:96.13.0(a (b) c)(d)", [["0-0:96.13.0", "a (b) c", "d"]]),
        ("0-0:96.13.0(((deep)))", [["0-0:96.13.0(((deep)))"]]),
        ("0-0:96.13.0(:-))\r\n1-0:1.7.0(1*kW)", [["0-0:96.13.0(:-))"], ["1-0:1.7.0", "1*kW"]]),
        ("1-0:32.7.0(230*V)\r\n0-0:96.1.0(A)!", [["1-0:32.7.0", "230*V"], ["0-0:96.1.0", "A"]]),
        ("0-0:96.13.0(a!b)\r\n!1234", [["0-0:96.13.0", "a!b"]]),
        ("", []),
    ],
)
def test_lines(text, result):
    assert read_objects(text.encode()) == result


@pytest.mark.parametrize("content", ["00012.345*m3", "0001", "0.915", "000.1kWh", "261122111500W", "-063*A"])
def test_a_number_or_time_broken_over_lines_is_damaged(content):
    for at in range(len(content) + 1):
        text = f"1-0:1.7.0({content[:at]}\n{content[at:]})\r\n1-0:2.7.0(2*kW)"
        objects = read_objects(text.encode())
        assert objects[-1] == ["1-0:2.7.0", "2*kW"]
        assert ["1-0:1.7.0", content] not in objects
        assert all(len(line) == 1 for line in objects[:-1])


@pytest.mark.parametrize(("lines", "joined"), [(32, True), (33, False)])
def test_a_text_is_looked_for_in_so_many_lines(lines, joined):
    text = "0-0:96.13.0(" + "\n3031" * lines + ")"
    assert (read_objects(text.encode()) == [["0-0:96.13.0", "3031" * lines]]) is joined


@given(st.lists(st.binary(max_size=30).filter(lambda line: b"!" not in line)))
def test_no_character_of_any_line_is_lost(lines):
    octets = b"\r\n".join(lines)
    result = "".join(entry for line in read_objects(octets) for entry in line)
    assert re.sub(r"[() \t]", "", result) == re.sub(r"[() \t\r\n]", "", octets.decode("latin-1"))


@given(st.binary(max_size=60))
def test_any_octets_give_a_telegram_or_malformed(octets):
    for text in (octets, b"/" + octets):
        try:
            read = read_telegram(text)[0]
        except Malformed:
            read = "/"
        assert read.startswith("/")
        is_telegram(text)
        is_body(text)
        split_ciphered(text)


def test_what_a_wrong_key_gives_is_no_telegram():
    octets = write("/KAM5", [["1-0:1.8.0", "1*kWh"]])
    assert is_telegram(octets)
    assert is_body(octets.split(b"\r\n\r\n")[1])
    for at in range(len(octets)):
        assert not is_telegram(octets[:at] + b"\x81" + octets[at + 1 :])


def test_only_binary_behind_the_blank_line_is_ciphered():
    head = b"/KFM5KAIFA\r\n\r\n"
    assert split_ciphered(head + b"\0\x05abc") == (head, b"\0\x05abc")
    assert split_ciphered(head + b"1-0:1.8.0(1)") == (b"", b"")


@pytest.mark.skipif(not captures(), reason=NO_CAPTURES)
def test_captures_hold_objects_only():
    for maker, name in [("iskraemeco", "nl-p1-v3"), ("sagemcom", "be-p1-fluvius-a"), ("kamstrup", "se-p1-gh578")]:
        with open(os.path.join(CAPTURES, maker, f"{name}.raw"), "rb") as file:
            _, found = read_telegram(file.read())
        with open(os.path.join(CAPTURES, maker, f"{name}.json"), encoding="utf-8") as file:
            values = json.load(file)["messages"][0]["values"]
        assert not [line for line in found if len(line) == 1]
        assert set(values) <= {line[0] for line in found}


def with_crc(text: bytes) -> bytes:
    return text + b"%04X\r\n" % arc(text)


def test_a_crc_is_checked_where_it_is_printed():
    text = write("/KAM5", [["1-0:1.8.0", "1*kWh"]]).rstrip()
    assert crc_fault(with_crc(text)) == ""
    assert crc_fault(text + b"\r\n") == crc_fault(text + b"0000\r\n") == ""
    assert crc_fault(with_crc(text).replace(b"(1*", b"(2*")).startswith("its CRC is wrong: expected ")


@given(objects, objects, st.sampled_from([b"", b"\0\0", b"\r\n", b"\xff"]))
def test_telegrams_are_split(first, second, padding):
    one, other = write("/KAM5", first), write("/KAM5", second)
    assert split_telegrams(one + padding + other + padding) == ([one, other], b"")
    assert split_telegrams(one + padding + b"garbage") == ([one], b"garbage")
    assert split_telegrams(b"garbage" + one) == ([], b"garbage" + one)
