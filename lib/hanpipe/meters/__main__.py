"""Write docs/meters.md: python3 -m hanpipe.meters > docs/meters.md."""

import sys
import tomllib

from hanpipe import meters
from hanpipe.typed import Any

_PARITY = {"none": "N", "even": "E", "odd": "O"}
_TOP = """# Which meters hanpipe reads

Written by `python3 -m hanpipe.meters > docs/meters.md` out of the data files in `lib/hanpipe/meters/`. The name in
front of a meter is the one for `han-read --meter NAME`; lists in `code` are for `han-fields --layout NAME`, which is
needed only where the octets leave a choice. Captures are named where they were tested, examples are in each file.
"""


def main() -> int:
    """Write the page."""
    sections = []
    for name, text in meters.files():
        try:
            sections.append(_section(tomllib.loads(text)))
        except KeyError as error:
            sys.exit(f"{name}: {error.args[0]} is missing")
    sys.stdout.write(_TOP + "".join(sections))
    return 0


def _section(meter: dict[str, Any]) -> str:
    line = meters.line_settings(meter["meter"])
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
    sys.exit(main())
