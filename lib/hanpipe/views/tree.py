"""APDUs as trees: offset, type, value and meaning of each element; and for those not read, the reason."""

import textwrap
from collections.abc import Iterator

from hanpipe.apdu.dlms import Data, Notification, find_next
from hanpipe.apdu.message import Apdu, Opened, Refusal, Telegram
from hanpipe.apdu.partial import read_partly
from hanpipe.link.hdlc.header import FCS
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.stderr import counted, printable
from hanpipe.unix.typed import Any, Final, NamedTuple
from hanpipe.views.colour import Colour
from hanpipe.views.meanings import clock_text, describe, meanings, name_of, value_text

WIDTH: Final = 80  # columns
_SHOWN: Final = 16  # octets of what could not be read
_WIDEST_TYPE: Final = 34  # columns of nesting and type, where they can be kept
_VALUE_WIDTH: Final = 14  # columns of a value, where it is not longer: a logical name and two
_CODE_WIDTH: Final = 16  # columns of a telegram: code, then its brackets
_BRACKETS_WIDTH: Final = 22
_MEASURED: Final = ("octet-string", "visible-string", "utf8-string", "bit-string")  # types that have a length

# Word of a fault -> its likely reason, and what a person can do about it.
_HINTS: Final = {
    "no key":         "no key for this title: add a line to the key file (--key-file)",
    "wrong key":      "the deciphered text is not an APDU: another key belongs to this title",
    "authentication": "the tag fails: wrong key or authentication key, or octets were changed",
    "segment lost":   "pieces of this APDU are missing: octets were lost on the line",
    "noise":          "not a frame; if there is much of this, baud rate or parity may be wrong",
    "header":         "octets were changed or lost on the line; han-frame --hex shows where",
    "frame check":    "octets were changed on the line; han-frame --hex shows the frame",
    "truncated":      "octets were lost on the line; han-frame --hex shows where",
    "record":         "not a record of han-frame: a torn file, or octets that han-frame has not read",
}  # fmt: skip


class _Row(NamedTuple):
    """One element.

    offset: of its tag, counted in the APDU; after: offset of what follows; depth: of nesting
    """

    offset: int
    after: int
    depth: int
    type: str
    value: str
    meaning: str


def draw(opened: Opened, colour: Colour) -> str:
    """Return what Opener.open gives as people see it, followed by a blank line."""
    if isinstance(opened, Apdu):
        return tree(opened, colour)
    return telegram(opened, colour) if isinstance(opened, Telegram) else refusal(opened, colour)


def tree(apdu: Apdu, colour: Colour) -> str:
    """Return an APDU as a tree, followed by a blank line; of a malformed one the part before the fault.

    Each element has its offset, in the frame if one alone carries the APDU, else in the APDU, and the number of octets
    of the APDU after it (for an array or structure, after its count).
    """
    octets = apdu.octets
    first = len(apdu.frame) - FCS - len(octets) if apdu.frame else 0
    notification, body, fault = read_partly(octets)
    lines = _folded(_head(apdu.keys, octets, notification), colour)
    if notification and body:
        lines += _lines(list(_body_rows(notification.apdu, body, octets)), first, len(octets), colour)
    if fault is not None:
        lines += _fault_lines(fault, octets, first, colour)
    elif notification and notification.end < len(octets):
        lines += _rest_lines(octets, notification.end, first, colour)
    return "\n".join([*lines, "", ""])


def telegram(found: Telegram, colour: Colour) -> str:
    """Return a P1 telegram, an object on each line, followed by a blank line."""
    lines = _folded(["telegram", *_origin(found.keys), printable(found.keys["identification"])], colour)
    for code, *entries in found.keys["objects"]:
        meaning = name_of(code)
        value = printable(" ".join(f"({entry})" for entry in entries))
        row = f"  {printable(code):<{_CODE_WIDTH}}"
        rest = _value_lines(_Row(0, 0, 0, "", value, meaning), WIDTH - len(row), colour, _BRACKETS_WIDTH)
        lines.append(row + next(rest))
        lines += [" " * len(row) + line for line in rest]
    return "\n".join([*lines, "", ""])


def refusal(refused: Refusal, colour: Colour) -> str:
    """Return the reason why octets could not be read, and what to do about it, followed by a blank line."""
    keys = refused.keys
    octets = bytes.fromhex(keys.get("octets", ""))
    ciphered = "apdu" in keys
    words = [keys["apdu"] if ciphered else keys["fault"], *_origin(keys)]
    words += [] if ciphered else [counted(len(octets), "octet")]
    lines = _folded(words, colour)
    if reason := _reason(keys):
        for line in textwrap.wrap(printable(reason), WIDTH - 2):
            lines.append("  " + (colour.red(line) if ciphered or "detail" in keys else line))
    if not ciphered:
        lines += _excerpt(octets, colour)
    return "\n".join([*lines, "", ""])


def _reason(keys: dict[str, Any]) -> str:
    """Say why octets could not be read, and what to do about it."""
    fault, detail = keys["fault"], keys.get("detail", "")
    if not detail:
        return _HINTS.get(fault) or (fault if "apdu" in keys else "")
    where = f" at octet {keys['offset']}" if "offset" in keys else ""
    return (detail if detail.startswith(fault) else f"{fault}: {detail}") + where


def _head(keys: dict[str, Any], octets: bytes, notification: Notification | None) -> list[str]:
    """Return the words above the tree."""
    if notification is None:
        return [f"APDU {octets[:1].hex()}", *_origin(keys), counted(len(octets), "octet")]
    time = "no time" if notification.date_time is None else f"time {clock_text(notification.date_time)}"
    words = [notification.apdu, *_origin(keys)]
    if notification.invoke_id is not None:
        words.append(f"invoke-id 0x{notification.invoke_id:08x}")
    if notification.variable_names is not None:
        words += [f"short name {name:04x}" for name in notification.variable_names]
    return [*words, time]


def _origin(keys: dict[str, Any]) -> Iterator[str]:
    """Say where octets came from: link and addresses, title and counter of the ciphering."""
    if keys.get("checked") is False:
        yield "unchecked"
    if "link" in keys:
        yield f"{keys['link']} {keys['destination']} < {keys['source']}" if "destination" in keys else keys["link"]
    if "system_title" in keys:
        title = bytes.fromhex(keys["system_title"])
        readable = title[:3].isalnum() and title[:3].isascii()
        yield f"title {title[:3].decode('ascii')} {title[3:].hex()}" if readable else f"title {title.hex()}"
    if "invocation_counter" in keys:
        yield f"counter {keys['invocation_counter']}"


def _folded(words: list[str], colour: Colour) -> list[str]:
    """Write the first line, and more where it is too long for one."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 2 + len(word) <= WIDTH:
            lines[-1] += "  " + word
        else:
            lines.append("  " + word)
    return [colour.bold(line) for line in lines]


def _excerpt(octets: bytes, colour: Colour) -> Iterator[str]:
    if octets:
        more = len(octets) - _SHOWN
        yield colour.dim(f"  {octets[:_SHOWN].hex(' ')}" + (f"  ... {more:,} more" if more > 0 else ""))


def _body_rows(apdu: str, body: Data, octets: bytes) -> Iterator[_Row]:
    """Yield the elements of a body. Only that of a data-notification is a value with a tag of its own."""
    if apdu == "data-notification":
        return _rows("", [body], octets, 0)
    return _rows(body.type, body.value, octets, 0)


def _rest_lines(octets: bytes, end: int, first: int, colour: Colour) -> Iterator[str]:
    """Show the octets after the body: padding, if the decoder left them with the APDU."""
    try:
        find_next(octets, end)
    except Malformed as malformed:
        yield from _fault_lines(malformed, octets, first, colour)
    else:
        yield colour.dim(f"{first + end:4}  padding, {counted(len(octets) - end, 'octet')}")


def _fault_lines(fault: Malformed, octets: bytes, first: int, colour: Colour) -> Iterator[str]:
    """Say what is wrong, and show the octets from there on."""
    yield colour.red(f"{first + fault.offset:4}  {fault.what}")
    for line in _excerpt(octets[fault.offset :], colour):
        yield "    " + line


def _rows(parent: str, siblings: list[Data], octets: bytes, depth: int, *, tagged: bool = True) -> Iterator[_Row]:
    """Yield siblings and what is inside them. tagged: false in a compact-array."""
    for data, meaning in zip(siblings, meanings(parent, siblings), strict=True):
        inner = data.value
        after, name, value = data.end, data.type, ""
        if data.type == "compact-array":
            description, inner = data.value
            after = inner[0].offset if inner else data.end
            name, value = f"{name} {len(inner)}", f"of {describe(description)}"
        elif isinstance(inner, list):
            count, after = read_length(octets, data.offset + 1) if tagged else (len(inner), data.offset)
            name = f"{name} {count}"
        else:
            name += f" {len(inner)}" if data.type in _MEASURED else ""
            value = value_text(data)
        yield _Row(data.offset, after, depth, name, value, meaning)
        if isinstance(inner, list):
            yield from _rows(data.type, inner, octets, depth + 1, tagged=tagged and data.type != "compact-array")


def _lines(rows: list[_Row], first: int, size: int, colour: Colour) -> Iterator[str]:
    """Write the rows in columns. first: what is added to their offsets; size: octets of the APDU."""
    at_width, left_width = max(4, len(str(first + size)) + 1), max(4, len(str(size)) + 2)
    types = [2 * row.depth + len(row.type) for row in rows if row.value]
    type_width = min(max(types, default=0) + 2, _WIDEST_TYPE)
    for row in rows:
        where = f"{first + row.offset:{at_width}}{size - row.after:{left_width}}  "
        kind = f"{'  ' * row.depth}{row.type}"
        if not row.value and not row.meaning:
            yield colour.dim(where + kind)
            continue
        kind = f"{kind + '  ':{type_width}}"
        value_lines = _value_lines(row, WIDTH - len(where + kind), colour)
        yield colour.dim(where) + kind + next(value_lines)
        for line in value_lines:
            yield " " * len(where + kind) + line


def _value_lines(row: _Row, room: int, colour: Colour, width: int = _VALUE_WIDTH) -> Iterator[str]:
    """Write value and meaning, on as many lines as it takes. width: columns of the value at least."""
    room = max(room, width)
    *lines, value = [row.value[at : at + room] for at in range(0, len(row.value), room)] or [""]
    yield from map(colour.bold, lines)
    padded = f"{value + '  ':{width}}"
    if not row.meaning:
        yield colour.bold(value)
    elif not value:
        yield row.meaning
    elif len(padded) + len(row.meaning) <= room:
        yield colour.bold(value) + padded[len(value) :] + row.meaning
    else:
        yield colour.bold(value)
        yield from textwrap.wrap(row.meaning, room)
