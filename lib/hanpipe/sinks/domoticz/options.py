"""The arguments of han-domoticz that name devices."""

import argparse

from hanpipe.sinks.options import tls_clash
from hanpipe.unix.typed import Final

CREATABLE: Final = ("power", "p1", "voltage", "current", "energy")
_NOT_WITH_CREATE: Final = {
    "power": "--power",
    "energy": "--energy",
    "p1": "--p1",
    "voltage": "--voltage",
    "current": "--current",
    "map": "--map",
    "interval": "--interval",
    "dry_run": "--dry-run",
    "pass_on": "--pass",
}
CREATED: Final = "power,p1,voltage,current"  # by default


def idx(text: str) -> int:
    """Read the number of a device. raise: ArgumentTypeError."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"expected the idx of a device, a number, got '{text}'")
    return int(text)


def idx_or_computed(text: str) -> int | str:
    """Read the argument of --energy. raise: ArgumentTypeError."""
    return text if text == "computed" else idx(text)


def indices(text: str) -> list[int]:
    """Read the numbers of up to three devices, one per phase. raise: ArgumentTypeError."""
    read = [idx(part) for part in text.split(",")]
    if len(read) > 3:
        raise argparse.ArgumentTypeError(f"expected up to three devices, one per phase, got {len(read)}")
    return read


def to_create(text: str) -> list[str]:
    """Read the argument of --create. raise: ArgumentTypeError."""
    wanted = text.split(",")
    if unknown := set(wanted) - set(CREATABLE):
        raise argparse.ArgumentTypeError(f"expected {', '.join(CREATABLE)}, got '{min(unknown)}'")
    return wanted


def clash(options: argparse.Namespace) -> str:
    """Return why the options do not go together, "" if they do."""
    if options.dry_run and options.pass_on:
        return "--dry-run and --pass both write to standard output"
    if words := tls_clash(options):
        return words
    if options.create:
        given = [words for name, words in _NOT_WITH_CREATE.items() if getattr(options, name)]
        return (
            f"--create makes devices, prints the options to use, and ends: leave out {', '.join(given)}"
            if given
            else ""
        )
    named = [*options.energy, options.power, options.p1, *options.voltage, *options.current]
    numbers = [one for one in named if one not in (0, "computed")]
    if "computed" in options.energy and not options.power:
        return "--energy computed needs --power IDX, whose energy Domoticz is to compute"
    if twice := {one for one in numbers if numbers.count(one) > 1}:
        return f"idx {min(twice)} is named twice"
    if not numbers and not options.map:
        return "nothing to post: name a device (--power IDX ...), or make devices with --create"
    return ""
