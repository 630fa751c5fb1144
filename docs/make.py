"""Write docs/meters.md from the meter files: python3 docs/make.py."""

import os
import sys
import tomllib
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/lib")

from hanpipe.readings import layouts  # noqa: E402 - lib comes first

_PARITY = {"none": "N", "even": "E", "odd": "O"}
_TOP = """# Which meters hanpipe reads

Written by `python3 docs/make.py` from the data files in `lib/hanpipe/meters/`. The name in front of a meter is the one
for `han-read --meter NAME`; lists in `code` are for `han-fields --layout NAME`, which is needed only where the octets
leave a choice. Captures are named where they were tested, examples are in each file.
"""


def meters_page() -> str:
    """Return the text of docs/meters.md."""
    sections = []
    for name, text in layouts.files():
        try:
            sections.append(_section(tomllib.loads(text)))
        except KeyError as error:
            sys.exit(f"{name}: {error.args[0]} is missing")
    return _TOP + "".join(sections)


def _section(meter: dict[str, Any]) -> str:
    line = layouts.line_settings(meter["meter"])
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
    told = "\n".join(lists) if lists else "Its lists say all by themselves."
    return f"\n## `{meter['meter']}`: {meter['title']}\n\n| | |\n|---|---|\n{table}\n{told}\n"


if __name__ == "__main__":
    with open(f"{ROOT}/docs/meters.md", "w", encoding="utf-8") as page:
        page.write(meters_page())
