"""Every meter file: it can be read, its lists are recognised, its examples give their readings."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import ROOT
from hanpipe.apdu.decoder import Decoder
from hanpipe.link import FRAMERS
from hanpipe.readings import items, layouts
from hanpipe.readings.naming import Naming
from hanpipe.readings.reader import LineReader
from programs import docs_script

FILES = {name: tomllib.loads(text) for name, text in layouts.files()}
EXAMPLES = [(name, example) for name, meter in FILES.items() for example in meter.get("example", ())]


def octets_of(example: dict[str, Any]) -> bytes:
    """Return the octets of the line: hex, or a telegram as text."""
    if "telegram" in example:
        return example["telegram"].replace("\n", "\r\n").encode()
    return bytes.fromhex(example["octets"])


def typed_lines(octets: bytes) -> list[str]:
    framer, decoder = FRAMERS["apdu" if octets[0] == 0x0F else "auto"](), Decoder(descriptors=True)
    events = framer.feed(octets) + framer.feed(b"")
    return [result.line() for kind, frame in events for result in decoder.feed(kind, frame)]


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{n} {e['origin']}" for n, e in EXAMPLES])
def test_an_example_gives_its_reading(name, example):
    (line,) = typed_lines(octets_of(example))
    if "system_title" in example:  # deciphered: the line of a ciphered message says who sent it
        line = f'{{"system_title":"{example["system_title"]}",' + line[1:]
    assert LineReader(Naming()).lines(line.encode() + b"\n") == [example["reading"]]


# --- recognised by something that only the list has ---


def example_line(example: dict[str, Any]) -> dict[str, Any]:
    (line,) = typed_lines(octets_of(example))
    keys = json.loads(line)
    return keys | ({"system_title": example["system_title"]} if "system_title" in example else {})


LISTS = [(f"{name} {one['origin']}", keys) for name, one in EXAMPLES if "body" in (keys := example_line(one))]


def told_of(keys: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a reading that have names, by name, and date_time."""
    reading = Naming().plan(keys)
    return {field.name: field.source.value(()) for field in reading.fields if field.name}


def of_types_alone(element: dict[str, Any]) -> dict[str, Any]:
    """Put other text in the place of each string without a code, clocks too: its type and length stay."""
    ((kind, value),) = element.items()
    if kind in ("octet-string", "visible-string") and not (kind == "octet-string" and value.startswith(("00", "01"))):
        return {kind: "~" * len(value) if kind == "visible-string" else "7e" * (len(value) // 2)}
    return element


@pytest.mark.parametrize("keys", [keys for _, keys in LISTS], ids=[name for name, _ in LISTS])
def test_nothing_is_named_by_types_alone(keys):
    """Without its texts, clocks and sender, no value of a list of bare values may have a name."""
    ((kind, elements),) = keys["body"].items()
    if not all(items.split(element)[0] not in ("array", "structure") for element in elements):
        return
    if any(items.split(element)[0] == "octet-string" and len(element["octet-string"]) == 12 for element in elements):
        return  # codes are in it
    bare = {"apdu": keys["apdu"], "body": {kind: [of_types_alone(element) for element in elements]}}
    assert told_of(bare) == {}


@pytest.mark.parametrize("layout", layouts.shipped(), ids=lambda layout: layout.name)
def test_a_list_of_bare_values_is_recognised_by_more_than_its_types(layout):
    assert layout.proof or not layout.rows


@pytest.mark.parametrize("keys", [keys for _, keys in LISTS], ids=[name for name, _ in LISTS])
def test_a_list_cut_short_gives_the_same_values_or_none(keys):
    whole = told_of(keys)
    for shorter in cut_short(keys["body"]):
        result = told_of(keys | {"body": shorter})
        assert {name: result[name] for name in result if name in whole and name != "date_time"}.items() <= whole.items()
        assert result.keys() <= whole.keys()


def cut_short(typed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a value without its last elements, in all ways, at each depth."""
    ((kind, value),) = typed.items()
    if kind in ("array", "structure"):
        for count, element in enumerate(value):
            yield {kind: value[:count]}
            for shorter in cut_short(element):
                yield {kind: [*value[:count], shorter]}


def test_a_number_of_another_type_changes_nothing_in_a_list_that_its_texts_prove():
    (keys,) = [keys for name, keys in LISTS if name.endswith("made by hand: list 3") and "kaifa" in name]
    text = json.dumps(keys)
    assert text.count("double-long-unsigned") > 10
    other = text.replace("double-long-unsigned", "long-unsigned", 5).replace("long-unsigned", "long64", 2)
    assert told_of(json.loads(other)) == told_of(keys)


# --- the files ---


@pytest.mark.parametrize("name", FILES)
def test_no_example_no_meter(name):
    assert FILES[name]["example"]


def test_every_list_that_can_be_recognised_has_an_example():
    result: set[str] = set()
    for _, example in EXAMPLES:
        (line,) = typed_lines(octets_of(example))
        result |= recognised(line, example.get("system_title", ""))
    assert result == {layout.name for layout in layouts.shipped() if layout.proof}


def recognised(line: str, title: str) -> set[str]:
    found: set[str] = set()

    class Watched(Naming):
        def _layout(self, items, keys):
            layout = super()._layout(items, keys)
            found.update({layout.name} if layout else ())
            return layout

    keys = json.loads(line)
    Watched().plan(keys | ({"system_title": title} if title else {}))
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_named_after_its_meter_and_says_all_that_the_page_needs(name):
    meter = FILES[name]
    assert f"{meter['meter']}.toml" == name
    assert set(meter) >= {"title", "maker", "models", "country", "link", "line", "ciphered", "tested", "source"}
    assert all(entry["about"] for entry in meter.get("list", ()))


@pytest.mark.parametrize(("name", "text"), layouts.files(), ids=FILES)
def test_examples_stand_at_the_end_where_who_looks_for_a_list_skips_them(name, text):
    head, _, tail = text.partition("\n[[example]]")
    assert "[[list]]" not in tail
    assert layouts.read_layouts(name, head) == layouts.read_layouts(name, text)


def test_names_of_lists_are_of_one_list_each():
    names = [layout.name for layout in layouts.shipped()]
    assert len(names) == len(set(names))


def test_line_settings():
    assert layouts.line_settings("kamstrup") == {"baud": 2400, "parity": "none", "bits": 8, "stop": 1}
    assert layouts.line_settings("p1-9600") == {"baud": 9600, "parity": "even", "bits": 7, "stop": 1}
    assert {"aidon", "kaifa", "kamstrup", "embriq"} <= set(layouts.names())
    with pytest.raises(KeyError):
        layouts.line_settings("nobody")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("meter = ", "Invalid"),
        ("colour = 1", "unknown key colour"),
        ('[[list]]\nelements = ["1-0:1.7.0 unsigned"]', "name is missing"),
        ('[[list]]\nname = "x"\ncolour = 1', "unknown key colour"),
        ('[[list]]\nname = "x"\nelements = ["1-0:1.7.0"]', "CODE TYPE"),
        ('[[list]]\nname = "x"\nscaler = 3', ""),
        ('[[list]]\nname = "x"\nscaler = { V = "high" }', "high"),
        ("list = 3", ""),
    ],
)
def test_a_wrong_file_says_where_and_why(text, why):
    with pytest.raises(layouts.WrongMeterFile, match=rf"mine\.toml.*{why}"):
        layouts.read_layouts("mine.toml", text)


def test_the_page_of_meters_is_what_the_files_say():
    make = docs_script("make")
    with open(os.path.join(ROOT, "docs", "meters.md"), encoding="utf-8") as file:
        assert file.read() == make.meters_page(), "python3 docs/make.py"


def test_who_needs_no_meter_file_reads_none():
    code = (
        "import sys; from hanpipe.readings.reader import LineReader; from hanpipe.readings.naming import Naming; "
        "LineReader(Naming()).lines(b''); "
        "assert not {'hanpipe.readings.layouts', 'tomllib', 'decimal', 'hanpipe.readings.p1'} & set(sys.modules)"
    )
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.path.join(ROOT, "lib")}, check=True
    )
