"""APDUs as a tree: where each element stands, its type, value and meaning; and what is known of those not read."""

import textwrap
from collections.abc import Iterator

from hanpipe.apdu import cosem, dlms
from hanpipe.apdu.dlms import Data, Notification
from hanpipe.apdu.message import Apdu, Opened, Refusal, Telegram
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.stderr import printable
from hanpipe.unix.typed import Any, Final, NamedTuple
from hanpipe.views.colour import Colour
from hanpipe.views.meanings import clock_text, describe, meanings, name_of, value_text

WIDTH: Final = 80  # columns
_FCS: Final = 2  # octets behind the information of a frame
_HEADS: Final = (6, 18, 19)  # octets in front of a notification-body: without a time, with one, with its tag too
_DESCRIBED: Final = 3  # levels from a body of values with a descriptor in front down to these
_SHOWN: Final = 16  # octets of what could not be read
_WIDEST_TYPE: Final = 34  # columns of nesting and type, where they can be kept
_VALUE_WIDTH: Final = 14  # columns of a value, where it is not longer: a logical name and two
_CODE_WIDTH: Final = 16  # columns of a telegram: code, then its brackets
_BRACKETS_WIDTH: Final = 22
_MEASURED: Final = ("octet-string", "visible-string", "utf8-string", "bit-string")  # types that have a length

# What a person can do about a fault, by its word in the line of han-decode.
_HINTS: Final = {
    "no key":         "no key for this title: add a line to the key file (--key-file)",
    "wrong key":      "what comes out is no APDU: another key belongs to this title",
    "authentication": "the tag fails: wrong key or authentication key, or octets were changed",
    "segment lost":   "pieces of this APDU are missing: octets were lost on the line",
    "noise":          "no frame at all: wrong baud rate or parity, if there is much of this",
    "header":         "octets were changed or lost on the line; han-frame --hex shows where",
    "frame check":    "octets were changed on the line; han-frame --hex shows the frame",
    "truncated":      "octets were lost on the line; han-frame --hex shows where",
    "record":         "no record of han-frame: a torn file, or octets that did not pass han-frame",
}  # fmt: skip


class _Row(NamedTuple):
    """One element.

    offset: of its tag, counted in the APDU; behind: offset of what follows; depth: of nesting
    """

    offset: int
    behind: int
    depth: int
    type: str
    value: str
    meaning: str


def draw(opened: Opened, colour: Colour) -> str:
    """Return what Decoder.open() gives as people see it, with a blank line behind it."""
    if isinstance(opened, Apdu):
        return tree(opened, colour)
    return telegram(opened, colour) if isinstance(opened, Telegram) else refusal(opened, colour)


def tree(apdu: Apdu, colour: Colour) -> str:
    """Return an APDU as a tree, with a blank line behind it; of a malformed one what is in front of the fault.

    Each element has its offset, in the frame if one alone carries the APDU, else in the APDU, and the octets of the
    APDU that are left behind it (behind the count of an array or structure).
    """
    octets = apdu.octets
    first = len(apdu.frame) - _FCS - len(octets) if apdu.frame else 0
    notification, body, fault = _read(octets)
    rows = [] if notification is None or body is None else list(_rows("", [body], octets, 0))
    lines = [
        *_folded(_head(apdu.keys, octets, notification), colour),
        *_lines(rows, first, len(octets), colour),
    ]
    if fault is not None:
        lines += _fault_lines(fault, octets, first, colour)
    return "\n".join([*lines, "", ""])


def telegram(told: Telegram, colour: Colour) -> str:
    """Return a P1 telegram, an object a line, with a blank line behind it."""
    lines = _folded(["telegram", *_origin(told.keys), printable(told.keys["identification"])], colour)
    for code, *entries in told.keys["objects"]:
        meaning = name_of(code)
        value = printable(" ".join(f"({entry})" for entry in entries))
        row = f"  {printable(code):<{_CODE_WIDTH}}"
        rest = _told(_Row(0, 0, 0, "", value, meaning), WIDTH - len(row), colour, _BRACKETS_WIDTH)
        lines.append(row + next(rest))
        lines += [" " * len(row) + line for line in rest]
    return "\n".join([*lines, "", ""])


def refusal(told: Refusal, colour: Colour) -> str:
    """Return what is known of octets that could not be read, and what to do about it, with a blank line behind it."""
    keys = told.keys
    octets = bytes.fromhex(keys.get("octets", ""))
    ciphered = "apdu" in keys
    words = [keys["apdu"], *_origin(keys)] if ciphered else [keys["fault"], *_origin(keys), f"{len(octets):,} octets"]
    lines = _folded(words, colour)
    if reason := _reason(keys):
        lines.append("  " + (colour.red(reason) if ciphered or "detail" in keys else reason))
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


def _read(octets: bytes) -> tuple[Notification | None, Data | None, Malformed | None]:
    """Read a data-notification as far as it goes: it (its head at least), its body, and what stopped the reading."""
    try:
        notification = dlms.read_notification(octets, descriptors=True)
    except Malformed as malformed:
        fault = malformed
    else:
        return notification, notification.body, None
    for size in _HEADS:
        try:
            head = dlms.read_notification(octets[:size] + b"\0")  # with null-data for a body
        except Malformed:
            continue
        return head, _read_before(octets, size, fault.offset, _levels(octets, size, fault.offset)), fault
    return None, None, fault


def _levels(octets: bytes, at: int, stop: int) -> int:
    """Return how deep descriptors without a tag stand in a body whose reading fails at `stop`; -1: there are none."""
    try:
        dlms.read_data(octets, at)
    except Malformed as plain:
        return -1 if plain.offset == stop else _DESCRIBED
    return -1


def _read_before(octets: bytes, at: int, stop: int, levels: int) -> Data | None:
    """Read a value whose reading fails at `stop`, without what is missing; None if nothing of it is there.

    levels: to go down to descriptors without a tag, each the first of its structure; below 0 if there are none
    """
    if at >= min(stop, len(octets)):
        return None
    if octets[at] not in cosem.SEQUENCES:
        try:
            return dlms.read_data(octets, at)
        except Malformed:
            return None
    try:
        count, begin = read_length(octets, at + 1)
    except Malformed:
        return None
    elements: list[Data] = []
    if levels == 1 and begin < stop:
        elements.append(dlms.read_descriptor(octets, begin))
        begin = elements[0].end
    while len(elements) < count and (element := _read_before(octets, begin, stop, levels - 1)):
        elements.append(element)
        begin = element.end
    complete = len(elements) == count and (not elements or elements[-1].end <= stop)
    return Data(cosem.SEQUENCES[octets[at]], elements, at, begin if complete else stop)


def _head(keys: dict[str, Any], octets: bytes, notification: Notification | None) -> list[str]:
    """Return the words above the tree."""
    if notification is None:
        return [f"APDU {octets[:1].hex()}", *_origin(keys), f"{len(octets):,} octets"]
    time = "no time" if notification.date_time is None else f"time {clock_text(notification.date_time)}"
    return ["data-notification", *_origin(keys), f"invoke-id 0x{notification.invoke_id:08x}", time]


def _origin(keys: dict[str, Any]) -> Iterator[str]:
    """Say where octets came from: link and addresses, title and counter of the ciphering."""
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


def _fault_lines(fault: Malformed, octets: bytes, first: int, colour: Colour) -> Iterator[str]:
    """Say what is wrong, and show the octets that stand there."""
    yield colour.red(f"{first + fault.offset:4}  {fault.what}")
    for line in _excerpt(octets[fault.offset :], colour):
        yield "    " + line


def _rows(parent: str, siblings: list[Data], octets: bytes, depth: int, *, tagged: bool = True) -> Iterator[_Row]:
    """Yield siblings and what is inside them. tagged: false in a compact-array."""
    for data, meaning in zip(siblings, meanings(parent, siblings), strict=True):
        inner = data.value
        behind, name, value = data.end, data.type, ""
        if data.type == "compact-array":
            description, inner = data.value
            behind = inner[0].offset if inner else data.end
            name, value = f"{name} {len(inner)}", f"of {describe(description)}"
        elif isinstance(inner, list):
            count, behind = read_length(octets, data.offset + 1) if tagged else (len(inner), data.offset)
            name = f"{name} {count}"
        else:
            name += f" {len(inner)}" if data.type in _MEASURED else ""
            value = value_text(data)
        yield _Row(data.offset, behind, depth, name, value, meaning)
        if isinstance(inner, list):
            yield from _rows(data.type, inner, octets, depth + 1, tagged=tagged and data.type != "compact-array")


def _lines(rows: list[_Row], first: int, size: int, colour: Colour) -> Iterator[str]:
    """Write the rows in columns. first: what is added to their offsets; size: octets of the APDU."""
    at_width, left_width = max(4, len(str(first + size)) + 1), max(4, len(str(size)) + 2)
    types = [2 * row.depth + len(row.type) for row in rows if row.value]
    type_width = min(max(types, default=0) + 2, _WIDEST_TYPE)
    for row in rows:
        where = f"{first + row.offset:{at_width}}{size - row.behind:{left_width}}  "
        kind = f"{'  ' * row.depth}{row.type}"
        if not row.value and not row.meaning:
            yield colour.dim(where + kind)
            continue
        kind = f"{kind + '  ':{type_width}}"
        told = _told(row, WIDTH - len(where + kind), colour)
        yield colour.dim(where) + kind + next(told)
        for line in told:
            yield " " * len(where + kind) + line


def _told(row: _Row, room: int, colour: Colour, width: int = _VALUE_WIDTH) -> Iterator[str]:
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
