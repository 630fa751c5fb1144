"""Count the phrases that plain English avoids, per 10,000 words: python3 docs/plain_english.py [-v] [FILE...].

By default it reads the docstrings, comments and messages of the code, the docs, the man pages and the files at the top.
-v also prints each line with such a phrase. The exit status is 1 if a figure is above LIMIT.
"""

import ast
import io
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 3.0  # per 10,000 words
PHRASES = {
    "is no, are none": r"\b(?:is|are) (?:no|none)\b(?! (?:longer|more)\b)",
    "behind": r"\bbehind\b",
    "stand": r"\bst(?:and|ands|ood)\b",
    "told": r"\btold\b",
    "sentences that open with a bare What or Who": r"(?:^|(?<=[.:;!?] )|(?<=\n))(?:What|Who)\b(?![^.?\n]*\?)",
}
WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")


def texts(path: str) -> Iterator[tuple[int, str]]:
    """Yield line number and text of all that a person reads in a file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if path.endswith(".py"):
        yield from python_texts(text)
    elif path.endswith((".toml", ".sh", ".mk", "Makefile", "run", ".rules", ".service", ".default")):
        yield from (
            (number, line.partition("#")[2])
            for number, line in enumerate(text.splitlines(), 1)
            if "#" in line and not line.startswith("#!")
        )
    else:
        yield from prose_texts(text)


def python_texts(text: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings, comments and the strings that hold a sentence."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") > 2:
            yield node.lineno, node.value


def prose_texts(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a page, without its code."""
    code = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            code = not code
        elif not code and not line.startswith("    "):
            yield number, re.sub(r"`[^`]*`", "", line)


def files() -> list[str]:
    """Return the files that count, of those that git tracks."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    wanted = re.compile(
        r"(?:lib|docs|man|completions|benchmarks|bin|examples|tests)/.*\.(?:py|md|scd|toml)|[A-Z]+\.md|Makefile|install\.mk"
        r"|\.ci/run|systemd/.*|udev/.*|\.github/.*\.md"
    )
    return [os.path.join(ROOT, name) for name in listed if wanted.fullmatch(name) and os.path.exists(f"{ROOT}/{name}")]


def main(arguments: list[str]) -> int:
    """Print the figures; return the exit status."""
    verbose = "-v" in arguments
    words, found = 0, dict.fromkeys(PHRASES, 0)
    for path in [argument for argument in arguments if argument != "-v"] or files():
        for number, text in texts(path):
            words += len(WORD.findall(text))
            for name, pattern in PHRASES.items():
                hits = re.findall(pattern, text)
                found[name] += len(hits)
                if hits and verbose:
                    print(f"{os.path.relpath(path)}:{number}: {name}: {' '.join(text.split())[:150]}")
    rates = {name: 10_000 * count / max(1, words) for name, count in found.items()}
    for name, rate in rates.items():
        print(f"{rate:6.1f}  {name} ({found[name]} times)")
    print(f"{words:,} words")
    return int(any(rate > LIMIT for rate in rates.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
