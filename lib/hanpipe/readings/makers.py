"""The maker of a meter, by list version, by the FLAG id in P1 identification or system title, or by device name."""

import functools
from collections.abc import Mapping

from hanpipe.unix.typed import Any, Final

_FLAG_SIZE: Final = 3  # letters of a FLAG id
_TITLE_DIGITS: Final = 16  # hex digits of a system title


def maker(keys: Mapping[str, Any], list_version: str | None, device_name: str | None) -> str | None:
    """Return the maker of the meter that sent a message, None if nothing in it tells.

    keys:         of its line: identification and system_title count
    list_version: text of the name of its list; device_name: its logical device name
    """
    for beginning, name in _makers()["list_version"].items():
        if list_version and list_version.startswith(beginning):
            return name
    for text in (keys.get("identification", "")[1:], _letters(keys.get("system_title")), device_name or ""):
        if flag := _makers()["flag"].get(text[:_FLAG_SIZE].upper()):
            return flag
    return None


def _letters(title: Any) -> str:
    """Return the letters with which a system title in hex begins; empty if it is not one."""
    if not isinstance(title, str) or len(title) != _TITLE_DIGITS:
        return ""
    try:
        return bytes.fromhex(title)[:_FLAG_SIZE].decode("latin-1")
    except ValueError:
        return ""


@functools.cache
def _makers() -> dict[str, dict[str, str]]:
    import tomllib  # only the first list with a name waits for it
    from importlib import resources

    return tomllib.loads((resources.files("hanpipe.readings") / "makers.toml").read_text("utf-8"))
