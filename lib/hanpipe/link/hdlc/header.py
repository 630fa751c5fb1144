"""The header of an HDLC frame of format type 3: IEC 62056-46, ISO/IEC 13239."""

from hanpipe.link.octets import Malformed
from hanpipe.unix.typed import Final, NamedTuple

FCS: Final = 2  # octets after the information
LONGEST: Final = 2047  # octets of a frame, flags not counted: 11 bits of length


class Header(NamedTuple):
    """The fields in front of the information.

    segmented: more frames follow that carry the same APDU
    length:    octets between the flags
    """

    segmented: bool
    length: int
    destination: bytes
    source: bytes
    control: int
    information: int  # offset of the information


def read_header(octets: bytes) -> Header:
    """Read the header of a frame without its flags; the checks are not looked at.

    raise:  Malformed: too short, not of type 3, or an address that does not end within four octets
    source: IEC 62056-46, 6.4
    """
    if len(octets) < 7:
        raise Malformed(len(octets), "frame too short for its header")
    if octets[0] & 0xF0 != 0xA0:
        raise Malformed(0, f"frame format type {octets[0] >> 4} is not 3")
    source = _address_end(octets, 2)
    control = _address_end(octets, source)
    if control + 3 > len(octets):
        raise Malformed(control, "frame ends inside its header")
    length = (octets[0] & 7) << 8 | octets[1]
    information = control + 1 if len(octets) == control + 3 else control + 3  # no information, no HCS
    return Header(bool(octets[0] & 8), length, octets[2:source], octets[source:control], octets[control], information)


def header_end(octets: bytes, begin: int) -> int:
    """Return where the header of the frame that begins at begin ends, its HCS with it; its addresses are there.

    raise: Malformed: an address does not end within four octets
    """
    return _address_end(octets, _address_end(octets, begin + 2)) + 3


def _address_end(octets: bytes, at: int) -> int:
    for end in range(at, min(at + 4, len(octets))):
        if octets[end] & 1:
            return end + 1
    raise Malformed(at, "address does not end within four octets")
