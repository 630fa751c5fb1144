"""docs/formats.md lists every key, type and fault word of han-decode's lines, and no other."""

import json
import os
import re
from collections.abc import Iterator
from typing import Any

import encoder
from conftest import ROOT
from hanpipe.apdu import cosem
from hanpipe.apdu.cosem import DESCRIPTOR
from hanpipe.apdu.decoder import Decoder
from hanpipe.link.kinds import FAULTS, GOOD
from hanpipe.unix.status import CONFIGURATION, IO, NOTHING, OK, READER_LEFT, REFUSED, USAGE
from programs import docs_script
from strategies import PLAIN

GOLDEN = os.path.join(ROOT, "tests", "golden")
DESCRIBED = {
    "structure": [
        {"enum": 1},
        {
            "array": [
                {
                    "structure": [
                        {DESCRIPTOR: {"class_id": 3, "logical_name": "0100010700ff", "attribute_id": 2}},
                        {"long-unsigned": 826},
                    ]
                }
            ]
        },
    ]
}


def listed(head: str) -> list[str]:
    """Return the words in the first column of the table of the page whose head begins so, in order."""
    with open(os.path.join(ROOT, "docs", "formats.md"), encoding="utf-8") as page:
        rows = page.read().partition(f"| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [word for row in rows for word in re.findall("`([^`]+)`", row.split(" | ")[0])]


def golden_lines() -> Iterator[dict[str, Any]]:
    for name in sorted(os.listdir(GOLDEN)):
        if name.endswith(".jsonl") and ".readings." not in name:
            with open(os.path.join(GOLDEN, name), encoding="utf-8") as lines:
                yield from map(json.loads, lines)


def test_the_rows_of_the_links_are_written_from_their_rooms():
    with open(os.path.join(ROOT, "docs", "formats.md"), encoding="utf-8") as file:
        page = file.read()
    assert docs_script("make").formats_page(page) == page, "python3 docs/make.py"
    assert listed("kind | octets") == [*GOOD, *FAULTS]


def test_the_types_are_those_of_the_tables():
    known = [name for name, _ in cosem.FIXED.values()]
    for names in (cosem.SEQUENCES, cosem.STRINGS, cosem.EMPTY):
        known += names.values()
    assert sorted(listed("type")) == sorted([*known, "bit-string", "compact-array", DESCRIPTOR])
    assert PLAIN.keys() <= set(listed("type"))


def test_a_line_has_no_other_keys_and_all_in_their_order():
    order = {key: number for number, key in enumerate(listed("key"))}
    for line in golden_lines():
        assert line.keys() <= order.keys()
        assert "fault" in line or list(line) == sorted(line, key=order.__getitem__)


def test_a_line_has_no_other_fault():
    result = {line["fault"] for line in golden_lines() if "fault" in line}
    assert {"no key", "frame check"} <= result <= set(listed("fault"))


def test_the_exit_statuses_are_those_of_the_programs():
    statuses = (OK, NOTHING, USAGE, CONFIGURATION, IO, REFUSED, READER_LEFT)
    with open(os.path.join(ROOT, "docs", "formats.md"), encoding="utf-8") as page:
        rows = page.read().partition("| status |")[2].splitlines()
    assert [int(row.split("|")[1]) for row in rows if re.match(r"\| \d", row)] == list(statuses)


def test_a_descriptor_is_written_as_listed():
    (result,) = Decoder(descriptors=True).feed("A", encoder.notification(DESCRIBED))
    assert json.loads(result.line())["body"] == DESCRIBED
