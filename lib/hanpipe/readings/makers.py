"""The maker of a meter, by list version, by the FLAG id in P1 identification or system title, or by device name."""

import functools
import json
from collections.abc import Mapping

from hanpipe.unix.files import read_data
from hanpipe.unix.typed import Any, Final

FLAG_SIZE: Final = 3  # letters of a FLAG id


def maker(keys: Mapping[str, Any], list_version: str | None, device_name: str | None) -> str | None:
    """Return the maker of the meter that sent a message, None if nothing in it tells.

    keys:         of its line: identification and system_title count
    list_version: text of the name of its list; device_name: its logical device name
    """
    texts = keys.get("identification", "")[1:], _letters(keys.get("system_title")), device_name or ""
    return of_list(list_version or "") or next(filter(None, map(of_device, texts)), None)


def of_list(version: str) -> str | None:
    """Return the maker whose lists have a version of that name, None if none is known."""
    return next((name for beginning, name in _makers()["list_version"].items() if version.startswith(beginning)), None)


def of_device(name: str) -> str | None:
    """Return the maker whose FLAG id a name begins with, None if none is known."""
    return _makers()["flag"].get(name[:FLAG_SIZE].upper())


def _letters(title: Any) -> str:
    """Return the letters with which a system title in hex begins, "" if it is not one."""
    if not isinstance(title, str):
        return ""
    try:
        return bytes.fromhex(title)[:FLAG_SIZE].decode("latin-1")
    except ValueError:
        return ""


@functools.cache
def _makers() -> dict[str, dict[str, str]]:
    # JSON, because every list with a name waits for it: reading TOML takes 10 ms longer.
    tables: dict[str, dict[str, str]] = json.loads(read_data("readings/makers.json"))
    return {name: tables[name] for name in ("flag", "list_version")}
