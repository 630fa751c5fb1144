#!/usr/bin/env python3
"""Write the completions of all programs for bash, zsh and fish: completions/make.py DIR."""

import argparse
import os
import re
import sys
from unittest import mock

import shtab

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/lib")
sys.path.append(f"{ROOT}/.venv/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages")

from hanpipe.unix.launch import launch  # noqa: E402 - lib comes first

# The kind of an operand or of an option's value, by its metavar, if the shell can list such things.
_LISTED = {"FILE": shtab.FILE, "DEVICE": shtab.FILE, "PATH": shtab.FILE, "DIR": shtab.DIRECTORY}


class _Made(Exception):
    """A program has made its parser."""


def programs() -> list[str]:
    """Return the names of all programs: han-decode, ..."""
    modules = (file.removesuffix(".py") for file in os.listdir(f"{ROOT}/lib/hanpipe/programs"))
    return sorted("han-" + module.replace("_", "-") for module in modules if not module.startswith("__"))


def parser_of(name: str) -> argparse.ArgumentParser:
    """Return the parser that a program makes for its options; the program goes no further."""

    def stop(parser: argparse.ArgumentParser, *_: object) -> None:
        raise _Made(parser)

    parsing = mock.patch.multiple(argparse.ArgumentParser, parse_known_args=stop, parse_known_intermixed_args=stop)
    with parsing, mock.patch.object(sys, "argv", [name]):
        try:
            launch()
        except _Made as made:
            return made.args[0]
    raise RuntimeError(f"{name} makes no parser")


def _prepared(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return the parser as shtab likes it: a line of help an option, and which values are files and directories."""
    for action in parser._actions:
        action.help = " ".join((action.help or "").split())
        words = re.findall(r"[A-Z]+", str(action.metavar))
        if kinds := [_LISTED[word] for word in words if word in _LISTED]:
            action.complete = kinds[-1]  # type: ignore[attr-defined]
    return parser


def _repaired(text: str, name: str) -> str:
    """Mend what shtab 1.5 (Debian 12) writes: bash listed one choice only, zsh no files. Nothing else is touched."""
    function = "_shtab_" + name.replace("-", "_")
    for old, new in (
        ('_choices_var="${current_action}_choices"', '_choices_var="${current_action}_choices[@]"'),
        (
            'current_action_choices="${!current_action_choices_var}"',
            'current_action_choices=("${!current_action_choices_var}")',
        ),
        ('-W "${current_action_choices}" --', '-W "${current_action_choices[*]}" --'),
        (f"': :{function}_commands' \\\n    '*::: :->{name}'", "'*:file:_files'"),
    ):
        text = text.replace(old, new)
    return text


def fish(parser: argparse.ArgumentParser) -> str:
    """Return the completions for fish, which not every shtab writes."""
    return "".join(_fish_line(parser.prog, action) for action in parser._actions if action.option_strings)


def _fish_line(program: str, action: argparse.Action) -> str:
    words = ["complete", "-c", program]
    for option in action.option_strings:
        words += ["-l", option[2:]] if option.startswith("--") else ["-s", option[1:]]
    if action.choices:
        words += ["-x", "-a", _quoted(" ".join(map(str, action.choices)))]
    elif action.nargs != 0:
        words.append("-r" if hasattr(action, "complete") else "-x")
    words += ["-d", _quoted(str(action.help).replace("%(default)s", str(action.default)))]
    return " ".join(words) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def main(folder: str) -> None:
    """Write DIR/han-NAME.bash, .zsh and .fish."""
    os.makedirs(folder, exist_ok=True)
    for name in programs():
        parser = _prepared(parser_of(name))
        texts = {shell: _repaired(shtab.complete(parser, shell), name) for shell in ("bash", "zsh")} | {
            "fish": fish(parser)
        }
        for shell, text in texts.items():
            with open(f"{folder}/{name}.{shell}", "w", encoding="utf-8") as file:
                file.write(text)


if __name__ == "__main__":
    main(*sys.argv[1:])
