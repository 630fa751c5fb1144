"""Write docs/meters.md, docs/fields.md and the links in docs/formats.md: python3 docs/make.py."""

import importlib
import os
import re
import sys
import tomllib
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/lib")

from hanpipe.link.kinds import LINKS  # noqa: E402 - lib comes first
from hanpipe.periods import names  # noqa: E402 - lib comes first
from hanpipe.readings import layouts, quantities  # noqa: E402 - lib comes first

_PARITY = {"none": "N", "even": "E", "odd": "O"}
_TOP = """# Which meters hanpipe reads

Written by `python3 docs/make.py` from the data files in `lib/hanpipe/meters/`. The name in front of a meter is the one
for `han-read --meter NAME`; lists in `code` are for `han-fields --layout NAME`, which is needed only where the octets
leave a choice. Captures are named where they were tested, examples are in each file.
"""

_FIELDS_TOP = """# Names and units of a reading

Written by `python3 docs/make.py` from the table in `lib/hanpipe/readings/quantities.py`. `han-fields` writes one flat
JSON line for each reading: name, value. A value that was not sent is left out. A value without a name has its OBIS code
as key, and in an unknown list without codes its position (`"#1"`, from 1). Numbers are exact, in the unit given here,
in shortest decimal form. `time` is when the frame arrived, in UTC.

The codes here have channel 0 (`1-0:`); the channel may be any (`1-1:1.7.0` has the same name). A code with `*F` is a
value of the past and keeps its code. `--obis` shows code, name and unit of each value; `--names` changes the names;
`--only` takes names and codes.

If nothing gives the scaler of a value (no scaler on the line, none in a meter file, no `--scale`), it stays raw under
its code, its unit is `null`, and a message says how to give the scaler.

## Identity and clock

| name | OBIS codes, the first that is sent | meaning |
|---|---|---|
"""
_IDENTITY = {
    "obis_list_version": (quantities.LIST_VERSION, "", "name of the list"),
    "meter_ID": (quantities.METER_ID, "", "the meter's number"),
    "meter_maker": (
        (),
        "list version, FLAG id in the P1 identification, system title or device name",
        "maker of the meter, if known",
    ),
    "meter_model": (quantities.METER_MODEL, "; P1: the identification line", "type of the meter"),
    "date_time": (
        quantities.CLOCK,
        "; else the time of the APDU, else `1-0:0.9.1` with `1-0:0.9.2`",
        "the meter's own clock, ISO 8601, with an offset only if one was sent (S and W of a P1 time give none)",
    ),
}
_FIELDS_MIDDLE = """
## Values

| name | OBIS code | unit | meaning |
|---|---|---|---|
"""
_FIELDS_END = """
Registers of energy by tariff have the tariff at the end of the name: `1-0:1.8.2` is `act_energy_pos_T2`. A maximum of
P1 (`1-0:1.6.0`) has its time beside it: `act_pow_pos_max_time`. In an IT net the voltages are L1-L2, L1-L3 and L2-L3.

## Sub-meters of a P1 meter

The object `0-n:24.1.0` gives the kind of the meter on channel n. A second one of a kind ends in `_2`, a third in `_3`.
A sub-meter that was never read (its time is a placeholder) has no name, nor has one after a channel of unknown kind.

| name | OBIS codes | unit | meaning |
|---|---|---|---|
| `gas_volume`, `water_volume`, `warm_water_volume` | `0-n:24.2.1`, `0-n:24.2.3`; DSMR 3: `0-n:24.3.0` | m3 | register |
| `heat_energy`, `cooling_energy` | `0-n:24.2.1` | GJ | register |
| `heat_volume`, `cooling_volume` | `0-n:24.2.1` | m3 | register |
| `gas_energy`, `water_energy`, `warm_water_energy` | `0-n:24.2.1` | GJ | register, if a meter counts energy |
| `gas_time`, `water_time`, `warm_water_time`, `heat_time`, `cooling_time` | the same | - | when it was read, by the \
meter's clock |
| `gas_ID`, `water_ID`, `warm_water_ID`, `heat_ID`, `cooling_ID` | `0-n:96.1.0`, `0-n:96.1.1` | - | its number |
| `gas_valve`, `water_valve`, `warm_water_valve`, `heat_valve`, `cooling_valve` | `0-n:24.4.0` | - | its valve |
| `gas_type`, `water_type`, `warm_water_type`, `heat_type`, `cooling_type` | `0-n:24.1.0` | - | its device type |

The time beside a value that has no name is under its code with `#time`.

## Logs of a P1 meter

A log is an array of objects, in the order of the meter. A time that the meter does not know is left out. A log with
other content, and the peaks with `--ct`, keep the code, and the array holds the brackets as they were sent.

| name | OBIS codes | unit | meaning |
|---|---|---|---|
| `power_failure_log` | `1-0:99.97.0` | s | power failures that lasted long: `end` is when the power came back, \
`seconds` how long it was gone |
| `act_pow_pos_max_log` | `0-0:98.1.0` | W | peak of each month: `value`, `time` when it was, `month` the time at \
which the month ended |
"""


_PERIODS = """
## Periods and peaks

`han-every` and `han-peaks` use the names above, and put what they made of the values at the end: `_max` and `_min` for
the highest and the lowest value of the period, `_delta` for what flowed by a register (Wh, varh, VAh, m3 or GJ, as the
register). They also write these; N is the place of a peak:

| name | unit | meaning |
|---|---|---|
"""


def fields_page() -> str:
    """Return the text of docs/fields.md."""
    identity = "".join(
        f"| `{name}` | {', '.join(f'`{code}`' for code in codes)}{others} | {meaning} |\n"
        for name, (codes, others, meaning) in _IDENTITY.items()
    )
    rows = "".join(
        f"| `{found.name}` | `{code}` | {found.unit or '-'} | {found.meaning} |\n" for code, found in quantities.rows()
    )
    own = "".join(f"| `{name}` | {unit or '-'} | {meaning} |\n" for name, (unit, _, meaning) in names.OWN.items())
    return _FIELDS_TOP + identity + _FIELDS_MIDDLE + rows + _FIELDS_END + _PERIODS + own


def meters_page() -> str:
    """Return the text of docs/meters.md."""
    sections = []
    for name, text in layouts.files():
        try:
            sections.append(_section(name.removesuffix(".toml"), tomllib.loads(text)))
        except KeyError as error:
            sys.exit(f"{name}: the key {error.args[0]} is missing")
    return _TOP + "".join(sections)


def formats_page(page: str) -> str:
    """Return the text of docs/formats.md with the rows of good records made anew. page: its text."""
    rows = ""
    for link in LINKS:
        described = importlib.import_module(f"hanpipe.link.{link.name}").__doc__ or ""
        text = " ".join(described.partition("Its record: ")[2].split()).removesuffix(".")
        rows += f"| `{link.letter}` | {text} |\n"
    return re.sub(r"(\| kind \| octets \|\n\|---\|---\|\n)(?:\| `[A-Z]` .*\n)*", lambda found: found[1] + rows, page)


def _section(name: str, meter: dict[str, Any]) -> str:
    line = layouts.line_settings(name)
    rows = {
        "maker": meter["maker"],
        "models": ", ".join(meter["models"]) or "-",
        "country": ", ".join(meter["country"]),
        "link": ", ".join(meter["link"]),
        "line": f"{line['baud']} baud, {line['bits']}{_PARITY[line['parity']]}{line['stop']}",
        "ciphered": meter["ciphered"],
        "tested": meter["tested"] + f"; {len(meter['example'])} made examples",
        "source": meter["source"],
    }
    lists = [f"- `{entry['name']}`: {entry['about']}" for entry in meter.get("list", ())]
    table = "".join(f"| {name} | {told.replace('|', ' ')} |\n" for name, told in rows.items())
    told = "\n".join(lists) if lists else "Its lists need no layout: they say what each value is."
    told += f"\n\n{meter['note']}" if "note" in meter else ""
    return f"\n## `{meter['meter']}`: {meter['title']}\n\n| | |\n|---|---|\n{table}\n{told}\n"


if __name__ == "__main__":
    with open(f"{ROOT}/docs/formats.md", encoding="utf-8") as page:
        formats = formats_page(page.read())
    pages = {"meters": meters_page(), "fields": fields_page(), "formats": formats}  # all, before one is written
    for name, text in pages.items():
        with open(f"{ROOT}/docs/{name}.md", "w", encoding="utf-8") as page:
            page.write(text)
