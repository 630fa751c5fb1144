"""The kinds of records: the good frames of each link, the faults, and the source of one of them."""

from hanpipe.unix.typed import Final, NamedTuple


class Frame(NamedTuple):
    """A frame whose checks agree.

    kind:   the letter of its link in LINKS
    octets: the frame as on the line; of HDLC without its flags
    """

    kind: str
    octets: bytes


class Fault(NamedTuple):
    """Octets that are not part of a good frame.

    kind:   a letter of FAULTS
    octets: as on the line
    """

    kind: str
    octets: bytes


Event = Frame | Fault

FAULTS: Final = {"n": "noise", "h": "header", "c": "frame check", "t": "truncated"}
LONGEST: Final = 65535  # octets of a record, and so of an APDU without a frame
SOURCE: Final = "S"  # a record without octets of a line: it names the source of the record after it


class Link(NamedTuple):
    """A link layer. The room of its name has the modules framer, content, parts and check.

    letter:  the kind of its frames
    first:   the octets that its frames may begin with; a fault that begins with one of them was met on this link
    flagged: whether flags enclose its frames on the line
    checked: whether its frames have a check of their own, so that they can be found among other octets
    """

    name: str
    letter: str
    first: bytes
    flagged: bool
    checked: bool


LINKS: Final = (
    #    name    letter  first octets              flagged  checked
    Link("hdlc", "H",    bytes(range(0xA0, 0xB0)), True,    True),
    Link("mbus", "M",    b"\x68",                  False,   True),
    Link("p1",   "P",    b"/",                     False,   True),
    Link("apdu", "A",    b"",                      False,   False),
)  # fmt: skip

GOOD: Final = {link.letter: link for link in LINKS}
FLAGGED: Final = frozenset(link.letter for link in LINKS if link.flagged) | FAULTS.keys() - {"n"}

_BY_FIRST: Final = {first: link for link in LINKS for first in link.first}


def link_of(kind: str, octets: bytes) -> Link | None:
    """Return the link on which an event was met; None for noise, and octets of an unknown kind."""
    if kind in GOOD:
        return GOOD[kind]
    return _BY_FIRST.get(octets[0]) if octets and kind in FAULTS and kind != "n" else None


def on_line(kind: str, octets: bytes) -> bytes:
    """Return the octets of an event as on the line: with flags around those that had flags."""
    return b"\x7e" + octets + b"\x7e" if kind in FLAGGED else octets
