"""P1 telegram -> the same: apdu/telegram.py reads it."""

from hanpipe.link.content import Content


def read_content(octets: bytes, *, whole: bool = True) -> Content:
    """Return the telegram, as content.py of the links says."""
    return Content({}, 0, octets, telegram=True)
