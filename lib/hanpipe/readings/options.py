"""Options of han-fields: scalers, transformers, layouts and names that the user gives."""

import argparse

from hanpipe.readings.names import Names, tables
from hanpipe.readings.scaling import decimal_ratio
from hanpipe.unix.files import read_text
from hanpipe.unix.status import CONFIGURATION, Failure
from hanpipe.unix.typed import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hanpipe.readings.layouts import Layout

_SCALABLE: Final = ("W", "var", "VA", "Wh", "varh", "VAh", "V", "A", "Hz", "pf")
_MOST_POWER: Final = 9


def listed(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(name for name in text.split(",") if name)


def ratio(text: str) -> tuple[int, int]:
    """Read 40 or 200/5 as number and power of ten. raise: ArgumentTypeError."""
    try:
        return decimal_ratio(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected a ratio such as 40 or 200/5 that a decimal can express, got {text!r}"
        ) from None


def scale(text: str) -> dict[str, int]:
    """Read V=-1,A=-2 as unit -> scaler. raise: ArgumentTypeError."""
    scalers: dict[str, int] = {}
    for pair in text.split(","):
        unit, _, power = pair.partition("=")
        if unit not in _SCALABLE:
            raise argparse.ArgumentTypeError(f"expected one of the units {', '.join(_SCALABLE)}, got {unit!r}")
        try:
            scalers[unit] = int(power)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected UNIT=POWER, got {pair!r}") from None
        if abs(scalers[unit]) > _MOST_POWER:
            raise argparse.ArgumentTypeError(f"expected a power of ten from -9 to 9, got {pair!r}")
    return scalers


def layouts_of(wanted: list[str] | None, parser: argparse.ArgumentParser) -> "dict[str, list[Layout]]":
    """Return the layouts that the user names, and those in the files that they name, each under that name.

    raise: Failure: a file is wrong or cannot be read; SystemExit: a layout does not exist
    """
    if not wanted:
        return {}
    from hanpipe.readings import layouts

    known = {layout.name: layout for layout in layouts.shipped()}
    found: dict[str, list[Layout]] = {}
    for name in wanted:
        if name.endswith(".toml"):
            try:
                found[name] = layouts.read_layouts(name, read_text(name))
            except layouts.WrongMeterFile as error:
                raise Failure(CONFIGURATION, str(error)) from error
            if not found[name]:
                raise Failure(CONFIGURATION, f"{name}: expected a [[list]], found none")
        elif name in known:
            found[name] = [known[name]]
        else:
            parser.error(f"--layout: expected one of {', '.join(sorted(known))}, or a .toml file; got {name!r}")
    return found


def names_of(wanted: str | None, parser: argparse.ArgumentParser) -> Names | None:
    """Return the table of names that the user names, or whose file they name.

    raise: Failure: the file is wrong or cannot be read; SystemExit: the table does not exist
    """
    if wanted is None:
        return None
    shipped = tables()
    if not wanted.endswith(".toml") and wanted not in shipped:
        parser.error(f"--names: expected one of {', '.join(shipped)}, or a .toml file; got {wanted!r}")
    try:
        return Names.read(read_text(shipped.get(wanted, wanted)))
    except ValueError as error:
        raise Failure(CONFIGURATION, f"{wanted}: {error}") from error
