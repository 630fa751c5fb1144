"""What every framer yields: the octets of the line, cut into frames and faults, none left out but flags."""

from hanpipe.unix.typed import NamedTuple


class Frame(NamedTuple):
    """A frame whose checks agree.

    kind:   H (HDLC, without its flags), M (M-Bus), P (P1 telegram) or A (a bare APDU)
    octets: the frame as on the line
    """

    kind: str
    octets: bytes


class Fault(NamedTuple):
    """Octets given up.

    kind:   n (noise), h (header damaged), c (frame check failed) or t (truncated)
    octets: those, as on the line
    """

    kind: str
    octets: bytes


Event = Frame | Fault

FAULTS = {"n": "noise", "h": "header", "c": "frame check", "t": "truncated"}
