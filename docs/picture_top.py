"""Draw the screen of han-top for the README: docs/pictures/han-top.svg, always of the same house."""

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

DOCS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(DOCS, "..", "lib"))

from rich.console import Console  # noqa: E402
from rich.terminal_theme import MONOKAI  # noqa: E402

from hanpipe.sinks.house.house import House  # noqa: E402
from hanpipe.sinks.top.chart import BLOCKS  # noqa: E402
from hanpipe.sinks.top.screen import Settings, View, screen  # noqa: E402

START = "2026-03-04T05:30:00"
LISTS = 9_580  # from then on, a list every 2.5 s: until some things are switched on at noon
PAUSE = 2_500_000_000  # ns between two lists

# As rich's own, without the fonts that it loads from another server.
SVG = """<svg viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px }}
{styles}
</style>
<defs>{lines}</defs>
<rect width="{terminal_width}" height="{terminal_height}" rx="8" fill="#0c0c0c"/>
{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g>
</svg>
"""


def readings() -> list[tuple[int, dict[str, object]]]:
    """Return the readings of the house, each with its time, ns since 1970-01-01 UTC."""
    pipe = f"han-fake --seed 8 --speed 0 --start {START} -n {LISTS} | han-frame | han-decode | han-fields"
    path = os.path.join(DOCS, "..", "bin") + os.pathsep + os.environ["PATH"]
    made = subprocess.run(["sh", "-c", pipe], env=os.environ | {"PATH": path}, capture_output=True, check=True)
    begin = int(datetime.fromisoformat(START).replace(tzinfo=UTC).timestamp()) * 1_000_000_000
    lines = [json.loads(line, parse_float=Decimal) for line in made.stdout.splitlines()]
    return [(begin + number * PAUSE, reading) for number, reading in enumerate(lines)]


def han_top() -> str:
    """Return the picture as SVG."""
    house, now = House(), 0
    for now, reading in readings():
        house.add(reading, now)
    [meter] = house.meters()
    console = Console(file=io.StringIO(), record=True, width=79, force_terminal=True, color_system="truecolor")
    for row in screen(house.figures(meter, now), now, Settings(25.0, 5000, UTC, BLOCKS), View(79, 27)):
        console.print(row)
    return console.export_svg(theme=MONOKAI, code_format=SVG, unique_id="han-top")


if __name__ == "__main__":
    with open(os.path.join(DOCS, "pictures", "han-top.svg"), "w", encoding="utf-8") as picture:
        picture.write(han_top())
