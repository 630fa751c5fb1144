"""A UART: the levels of a serial line, and what a receiver with other settings makes of them."""

from hanpipe.line.settings import Line
from hanpipe.unix.typed import Final

_IDLE: Final = bytes((1,)) * 12  # bit times of a silent line, longer than an octet
_FALL: Final = b"\x01\x00"  # the edge at which a start bit begins


def levels(octets: bytes, line: Line) -> bytes:
    """Return the level of the line, 0 or 1, in each bit time while octets are sent without pauses between them."""
    out = bytearray(_IDLE)
    for octet in octets:
        data = [octet >> bit & 1 for bit in range(line.bits)]
        out.append(0)
        out += bytes(data)
        if line.parity != "none":
            out.append(_parity(sum(data), line.parity))
        out += bytes((1,)) * line.stop
    return bytes(out + _IDLE)


def receive(line_levels: bytes, ratio: float, line: Line, *, strict: bool = False) -> bytes:
    """Return the octets that a receiver finds. Each begins at a falling edge, and every bit is sampled in its middle.

    ratio:  the receiver's baud rate divided by the sender's; line: the receiver's settings
    strict: whether it drops octets with a wrong parity or stop bit; a serial port in raw mode does not
    """
    out = bytearray()
    at = 0.0  # in bit times of the sender
    checked = line.parity != "none"
    heard = line_levels + bytes((1,)) * (int(12 / ratio) + 1)  # an octet may end after the sender
    while (edge := heard.find(_FALL, int(at), len(line_levels))) >= 0:
        start = max(float(edge + 1), at)
        *data, last, stop = [heard[int(start + (bit + 1.5) / ratio)] for bit in range(line.bits + checked + 1)]
        data += [] if checked else [last]
        sound = stop == 1 and (not checked or last == _parity(sum(data), line.parity))
        if sound or not strict:
            out.append(sum(level << bit for bit, level in enumerate(data)))
        at = start + (line.bits + checked + 1.5) / ratio
    return bytes(out)


def inverted(line_levels: bytes) -> bytes:
    """Return the levels after an inverter."""
    return line_levels.translate(bytes((1, 0)) + bytes(254))


def _parity(ones: int, parity: str) -> int:
    return ones & 1 if parity == "even" else 1 - (ones & 1)
