"""No wrong number in any real DLMS capture: with its hints or without, whole or cut short at any element."""

import json
import os
from decimal import Decimal
from typing import Any

import pytest
from test_layouts import cut_short

from conftest import CAPTURES, NO_CAPTURES, captures
from hanpipe.apdu.deciphering import Deciphering
from hanpipe.apdu.decoder import Decoder
from hanpipe.apdu.keys import ANY, Keys, Line
from hanpipe.apdu.message import Message
from hanpipe.link import FRAMERS
from hanpipe.readings import layouts
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader

LAYOUTS = {layout.name: layout for layout in layouts.shipped()}


def case_of(name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what is known of a capture, and its lists: the keys of their lines."""
    path = os.path.join(CAPTURES, name)
    with open(f"{path}.json", "rb") as file, open(f"{path}.raw", "rb") as raw:
        case, octets = json.load(file, parse_float=Decimal), raw.read()
    lines = [Line(ANY, bytes.fromhex(case["key"]), bytes.fromhex(case["auth_key"] or ""))] if case["key"] else []
    framer, decoder = FRAMERS["apdu" if case["link"] == "apdu" else "auto"](), Decoder(Deciphering(Keys(lines)))
    events = framer.feed(octets) + framer.feed(b"")
    messages = [one for event in events for one in decoder.feed(*event) if isinstance(one, Message)]
    return case, [json.loads(message.line()) for message in messages]


def told_of(keys: dict[str, Any], naming: Naming, *, named: bool) -> dict[str, Any]:
    """Return the values of a reading by code, as han-fields works them out; named: only those that have a name."""
    ((plan, values, _),) = LineReader(naming).feed(json.dumps(keys, separators=(",", ":")).encode() + b"\n")
    return {field.code or field.key: field.source.value(values) for field in plan.fields if field.name or not named}


@pytest.mark.slow
@pytest.mark.parametrize("hinted", [True, False], ids=["hinted", "unaided"])
@pytest.mark.parametrize("name", captures() or [pytest.param("", marks=pytest.mark.skip(reason=NO_CAPTURES))])
def test_no_capture_gives_a_wrong_number_whole_or_cut_short(name, hinted):
    case, result = case_of(name)
    hints = case.get("hints", {}) if hinted else {}
    chosen = (LAYOUTS[hints["layout"]],) if "layout" in hints else ()
    naming = Naming(chosen, hints.get("exponents"))
    seen: set[str] = set()
    for keys, message in zip(result, case["messages"], strict=True) if len(result) == len(case["messages"]) else ():
        whole = told_of(keys, naming, named=False)
        named = told_of(keys, naming, named=True)
        for code, expected in message["values"].items():
            assert named.get(code, expected["value"]) == expected["value"], code
        kind = "".join(character for character in json.dumps(keys.get("body")) if not character.isdigit())
        if kind in seen or "body" not in keys:
            continue
        seen.add(kind)
        for shorter in cut_short(keys["body"]):
            for code, value in told_of(keys | {"body": shorter}, naming, named=True).items():
                if code != "date_time":  # the time of the message, where the clock in the list is cut off
                    assert whole[code] == value, (code, shorter)
