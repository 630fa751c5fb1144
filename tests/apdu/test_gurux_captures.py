"""The real captures through gurux-dlms: structure and raw numbers are ours."""

import json
import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from conftest import CAPTURES, captures
from hanpipe.apdu.deciphering import Deciphering
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.keys import ANY, Keys, Line
from hanpipe.apdu.message import Apdu, Message
from hanpipe.link import FRAMERS, Event
from needs import needs

needs("gurux_dlms", "cryptography")
from gurux_reader import LINKS, bodies  # noqa: E402

TYPES = {
    "GXArray": "array", "GXStructure": "structure", "bytearray": "octet-string", "str": "visible-string",
    "NoneType": "null-data", "bool": "boolean", "GXEnum": "enum", "GXInt8": "integer", "GXUInt8": "unsigned",
    "GXUInt16": "long-unsigned", "GXUInt32": "double-long-unsigned", "GXUInt64": "long64-unsigned",
}  # fmt: skip
SIGNED = ("long", "double-long", "long64")  # which of these an int of theirs is, it does not say


def case_of(name: str) -> dict[str, Any]:
    with open(os.path.join(CAPTURES, f"{name}.json"), "rb") as file:
        return json.load(file)


def frames_of(name: str, case: dict[str, Any]) -> list[Event]:
    framer = FRAMERS["apdu" if case["link"] == "apdu" else "auto"]()
    with open(os.path.join(CAPTURES, f"{name}.raw"), "rb") as file:
        return [event for event in framer.feed(file.read()) + framer.feed(b"") if event.kind.isupper()]


def keys_of(case: dict[str, Any]) -> tuple[bytes, bytes]:
    return bytes.fromhex(case["key"] or ""), bytes.fromhex(case["auth_key"] or "")


def decoder(case: dict[str, Any]) -> Decoder:
    key, authentication_key = keys_of(case)
    return Decoder(Deciphering(Keys([Line(ANY, key, authentication_key)])) if key else None)


def messages(target: Decoder, kind: str, octets: bytes) -> list[Message]:
    return [one for one in target.feed(kind, octets) if isinstance(one, Message)]


def agree(typed: Any, theirs: Any) -> None:
    """Check that a typed value, and all inside it, is what gurux-dlms has."""
    ((name, value),) = typed.items()
    assert TYPES.get(type(theirs).__name__) == name or (type(theirs) is int and name in SIGNED)
    if name in ("array", "structure"):
        assert len(value) == len(theirs)
        for inner, other in zip(value, theirs, strict=True):
            agree(inner, other)
    elif name == "octet-string":
        assert value == bytes(theirs).hex()
    elif name == "visible-string":
        assert value.rstrip("\0") == theirs  # which has lost its padding
    else:
        assert value == theirs


NOT_READ = ("other/event-notification-*",)  # it keeps no value of an event-notification
CASES = [
    name
    for name in captures()
    if case_of(name)["link"] in LINKS and not any(fnmatchcase(name, pattern) for pattern in NOT_READ)
]


@pytest.mark.parametrize("name", CASES)
def test_an_apdu_holds_what_gurux_finds_in_it(name):
    case = case_of(name)
    target = decoder(case)
    opened = [one for frame in frames_of(name, case) for one in target.opener.open_each(*frame)]
    apdus = [one.octets for one in opened if isinstance(one, Apdu)]
    read = [(octets, json.loads(one.line())["body"]) for octets in apdus for one in messages(Decoder(), "A", octets)]
    assert len(read) == len(case["messages"])
    for octets, body in read:
        octets = octets[:5] + octets[5:].removeprefix(b"\x09")  # the tag of a date-time: wrong, and met
        (theirs,) = bodies([octets], "apdu")
        agree(body, theirs)


# Frames that gurux-dlms 1.0.203 cannot put together, though real meters send it, and why.
UNREAD = {
    "kaifa/no-*": "data in an I frame",
    "kaifa/se-*": "data in an I frame",
    "kaifa/stream-no-*": "data in an I frame",
    "kamstrup/*no-dump-multi": "the date-time has a tag, which it should not have",
    "kamstrup/stream-no-1": "the date-time has a tag, which it should not have",
    "iskraemeco/*ch-seg-esphome": "it reads segments one by one, and loses the types of what they begin with",
    "iskraemeco/stream-ch-seg": "after a lost segment it is out of step",
    "kaifa/stream-at-mbus-1": "after a lost telegram it is out of step",
    "landisgyr/ch-e450-three-apdus-scs74": "it reads the first APDU of a frame alone",
    "other/mbus-ci7c-long-header": "it knows no variable header",
    "sagemcom/at-netznoe-real": "a length modulo 256",
}


def cases_with_frames() -> Iterator[Any]:
    for name in CASES:
        reasons = [reason for pattern, reason in UNREAD.items() if fnmatchcase(name, pattern)]
        marks = [pytest.mark.xfail(reason=reason, strict=True) for reason in reasons]
        if case_of(name)["messages"]:
            yield pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", list(cases_with_frames()))
def test_frames_hold_what_gurux_finds_in_them(name):
    case = case_of(name)
    flag = b"\x7e" if case["link"] == "hdlc" else b""
    frames, target = frames_of(name, case), decoder(case)
    found = bodies([flag + octets + flag for _, octets in frames], case["link"], *keys_of(case))
    expected = [json.loads(one.line())["body"] for frame in frames for one in messages(target, *frame)]
    assert len(found) == len(expected)
    for body, theirs in zip(expected, found, strict=True):
        agree(body, theirs)
