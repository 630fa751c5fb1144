"""The README claims only what was run: its console blocks are run, and must print what the page shows.

UPDATE_README=1 writes what they print into the README instead; the diff is reviewed.
"""

import os
import re
import shutil
import subprocess

import pytest

from needs import needs
from programs import PATIENCE

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ("README.md", "CONTRIBUTING.md", "docs/performance.md", "docs/periods.md")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks() -> list[tuple[str, str]]:
    """Return each page with each of its blocks, without those that change the machine."""
    found = []
    for page in PAGES:
        if os.path.exists(os.path.join(ROOT, page)):
            with open(os.path.join(ROOT, page), encoding="utf-8") as stream:
                found += [(page, block) for block in BLOCK.findall(stream.read())]
    return [(page, block) for page, block in found if not re.search(r"^\$ (?:make|sudo)", block, re.MULTILINE)]


def run(command: str, folder: str) -> str:
    path = f"{ROOT}/bin:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "NO_COLOR": "1", "COLUMNS": "80"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout + done.stderr


def commands(block: str) -> list[tuple[str, str]]:
    """Split a block into commands (lines with "$ ", continued ones with "> ") and the output shown after each."""
    found: list[tuple[str, str]] = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].rstrip("\n"), ""))
        elif line.startswith("> "):
            found[-1] = (found[-1][0] + "\n" + line[2:].rstrip("\n"), "")
        else:
            found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def matches(said: str, printed: str) -> bool:
    """Tell whether printed is what was said, where a line of "..." matches any lines."""
    parts = [re.escape(part) for part in re.split(r"^\.\.\.\n", said, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*?".join(parts), printed) is not None


@pytest.fixture
def folder(tmp_path):
    shutil.copy(f"{ROOT}/lib/hanpipe/fake/house.raw", tmp_path / "capture.raw")
    return str(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("page", "block"), blocks(), ids=lambda text: text.splitlines()[0][:40])
def test_what_a_page_shows_was_run(page, block, folder):
    if "jq" in block:
        needs("jq")
    printed = [(command, run(command, folder)) for command, _ in commands(block)]
    if os.environ.get("UPDATE_README"):
        update(page, block, printed)
        return
    for (command, said), (_, got) in zip(commands(block), printed, strict=True):
        assert matches(said, got), f"{page}: {command}\nprints\n{got}"


def update(page: str, block: str, printed: list[tuple[str, str]]) -> None:
    with open(os.path.join(ROOT, page), encoding="utf-8") as stream:
        text = stream.read()
    shown = ""
    for (command, said), (_, got) in zip(commands(block), printed, strict=True):
        shown += "$ " + command.replace("\n", "\n> ") + "\n" + (said if matches(said, got) else got)
    with open(os.path.join(ROOT, page), "w", encoding="utf-8") as stream:
        stream.write(text.replace(block, shown))
