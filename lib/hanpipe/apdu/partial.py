"""An APDU as far as it can be read: for people, who look for what is wrong with it."""

from hanpipe.apdu import cosem, dlms
from hanpipe.apdu.dlms import Data, Notification
from hanpipe.link.octets import Malformed, read_length
from hanpipe.unix.typed import Final

_HEADS: Final = (6, 18, 19)  # octets before a notification-body: without a date-time, with one, with its tag too
_DESCRIBED: Final = 3  # levels from a body of values that follow a descriptor down to these


def read_partly(octets: bytes) -> tuple[Notification | None, Data | None, Malformed | None]:
    """Read the pushed APDU at the beginning of octets, or what there is of it before the reading fails.

    return: the APDU, None if even its head cannot be read; its body, without the elements that are missing, None if it
            has none; and what stopped the reading
    """
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
    """Return how deep descriptors without a tag are in a body whose reading fails at `stop`; -1 without descriptors."""
    try:
        dlms.read_data(octets, at)
    except Malformed as plain:
        return -1 if plain.offset == stop else _DESCRIBED
    return -1


def _read_before(octets: bytes, at: int, stop: int, levels: int) -> Data | None:
    """Read a value whose reading fails at `stop`, without the missing elements; None if there is nothing of it.

    levels: to go down to descriptors without a tag, each the first of its structure; below 0 without descriptors
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
