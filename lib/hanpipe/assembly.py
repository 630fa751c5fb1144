"""Frame -> APDU: the pieces of one APDU joined."""

from typing import Final

from hanpipe.dlms import LLC

LONGEST: Final = 65535  # octets of an APDU put together: more is no meter's

# APDUs that come without an LLC header in front where they follow the first block of a transfer; Green Book ed. 9.
_TAGS: Final = b"\x0f\xc2\xdb\xdc\xdd\xdf\xe0"


class Segments:
    """Joins the information of segmented HDLC frames.

    The frames carry no number: a piece with an LLC header starts an APDU, a frame without the segmentation bit ends it.
    A piece lost in the middle shows only when the APDU is read.
    """

    def __init__(self) -> None:
        self._pieces = b""

    @property
    def waiting(self) -> bool:
        """Whether an APDU has begun and not ended."""
        return bool(self._pieces)

    def add(self, information: bytes, segmented: bool) -> tuple[bytes, bytes]:
        """Add the information of a frame.

        return: the APDU that it completes, and the octets that it shows to be part of none; each b"" if there are none
        """
        pieces, self._pieces = self._pieces, b""
        if information[:3] == LLC:
            lost, whole = pieces, information[3:]
        elif pieces:
            lost, whole = b"", pieces + information
        elif not segmented and information[:1] and information[0] in _TAGS:
            lost, whole = b"", information
        else:
            return b"", information
        if not segmented:
            return whole, lost
        if len(whole) > LONGEST:
            return b"", lost + whole
        self._pieces = whole
        return b"", lost

    def end(self) -> bytes:
        """The input has ended: return the octets of the APDU that was not completed."""
        pieces, self._pieces = self._pieces, b""
        return pieces
